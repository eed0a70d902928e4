"""Nothing lost, in users, accounts and their tokens (`auth`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace

AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "settings and their event in two transactions",
        "lost",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("connection.transaction()", "context.db.acquire()"),
        life("calendars-fails"),
    ),
    Mutation(
        "the end of a permission and its event in two transactions",
        "lost",
        "services/auth/token_refresh.py::_require_reauth",
        Replace("connection.transaction()", "context.db.acquire()"),
        life("permission-fails"),
    ),
    Mutation(
        "the deletion of a user and its event in two transactions",
        "lost",
        "services/auth/handlers/users.py::delete_user",
        Replace("connection.transaction()", "context.db.acquire()"),
        life("deletion-fails"),
    ),
    Mutation(
        "a refresh of a token that its holder's death has left is nobody's",
        "lost",
        "services/auth/store/access_tokens.py::acquire_lease",
        InText("AND (refresh_until IS NULL OR refresh_until <= now())", "AND refresh_until IS NULL"),
        life("permission-dies"),
    ),
    Mutation(
        "settings are stored though their event is lost",
        "lost",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a user is deleted though the event is lost",
        "lost",
        "services/auth/handlers/users.py::delete_user",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a dead token is deleted though nobody is notified",
        "lost",
        "services/auth/token_refresh.py::_require_reauth",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{AUTH_CHANGES}::test_a_change_is_stored_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "a refresh without a new refresh token deletes the one that is held",
        "lost",
        "services/auth/store/access_tokens.py::store_refreshed",
        InText("refresh_token = coalesce($5, refresh_token)", "refresh_token = $5"),
        (f"{AUTH_REFRESHES}::test_a_refresh_is_stored_whole_and_what_google_did_not_name_stays",),
    ),
    Mutation(
        "nobody is notified of a permission that was taken back at Google",
        "lost",
        "services/auth/token_refresh.py::refresh_token",
        Replace("token.scopes != held.scopes", "False"),
        (f"{AUTH_REFRESHES}::test_a_refresh_is_stored_whole_and_what_google_did_not_name_stays",),
    ),
    Mutation(
        "a sign-in without a new refresh token ends the account",
        "lost",
        "services/auth/store/accounts.py::update_grant",
        InText("refresh_token = coalesce($7, refresh_token),", "refresh_token = $7,"),
        (f"{AUTH_LINKING}::test_signing_in_again_keeps_what_google_did_not_give_again",),
    ),
    Mutation(
        "API tokens of an older release lose what they could do",
        "lost",
        "services/auth/migrations/0004_token_scopes.sql",
        InText("DEFAULT '{read,write,account}'", "DEFAULT '{read}'"),
        (
            "tests/integration/local/test_local_upgrade.py::test_what_an_older_release_stored_keeps_its_meaning_and_what_follows_from_newer_rules_is_due",
        ),
    ),
)
