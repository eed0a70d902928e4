"""Nobody else's, in users, accounts and their tokens (`auth`)."""

from tests.sabotage.kept.others import ANYBODY_1, ANYBODY_2, REQUESTS, condition_lost
from tests.sabotage.mutation import InText, Mutation

AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
TOKEN_COMMAND = "tests/integration/auth/test_auth_token_command.py"

MUTATIONS: tuple[Mutation, ...] = (
    condition_lost(
        "an account of anybody is disconnected",
        "services/auth/store/accounts.py::get_account_for_update",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    condition_lost(
        "everybody's accounts are listed",
        "services/auth/store/accounts.py::list_accounts",
        "$1::uuid IS NULL OR user_id = $1",
        "$1::uuid IS NULL OR true",
        REQUESTS,
    ),
    condition_lost(
        "an API token of anybody is deleted",
        "services/auth/store/api_tokens.py::delete_api_token",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    condition_lost(
        "everybody is signed out everywhere",
        "services/auth/store/sessions.py::delete_sessions",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    Mutation(
        "an API token is deleted by another user",
        "others",
        "services/auth/store/api_tokens.py::delete_api_token",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{AUTH_CREDENTIALS}::test_an_api_token_is_its_users_and_is_listed_oldest_first",),
    ),
    Mutation(
        "who gave an account up is signed in with it",
        "others",
        "services/auth/store/users.py::get_owner",
        InText("ORDER BY connected DESC", "ORDER BY connected"),
        (f"{AUTH_LINKING}::test_an_account_leads_to_who_has_it_and_not_to_who_gave_it_up",),
    ),
    Mutation(
        "an API token that never ends",
        "others",
        "services/auth/store/api_tokens.py::get_token",
        InText("WHEN t.expires_at <= now()", "WHEN false"),
        (f"{AUTH_CREDENTIALS}::test_an_api_token_may_do_what_was_chosen_until_it_ends",),
    ),
    Mutation(
        "a token for one of several users",
        "others",
        "services/auth/store/users.py::list_users",
        InText("LIMIT 2", "LIMIT 1"),
        (f"{TOKEN_COMMAND}::test_whose_token_it_is_has_to_be_certain",),
    ),
)
