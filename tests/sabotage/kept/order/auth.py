"""In the right order, in users, accounts and their tokens (`auth`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "tokens are deleted before Google has ended the grant",
        "order",
        "services/auth/handlers/users.py::delete_user",
        Replace(
            "await asyncio.gather(*(revoke_grant(context, account_id, sealed) for account_id, sealed in held))", ""
        ),
        (f"{AUTH_CHANGES}::test_a_grant_is_revoked_while_its_token_is_still_stored",),
    ),
    Mutation(
        "a session that is over is prolonged",
        "order",
        "services/auth/store/sessions.py::get_user_of_session",
        InText(
            "WHERE hash = $1 AND expires_at > now() AND expires_at < now()", "WHERE hash = $1 AND expires_at < now()"
        ),
        (f"{AUTH_CREDENTIALS}::test_a_session_in_use_is_prolonged_once_a_day_and_one_that_is_over_never",),
    ),
    Mutation(
        "accounts on the border of two pages come twice",
        "order",
        "services/auth/store/accounts.py::list_states",
        InText("id > $2", "id >= $2"),
        (f"{AUTH_CHANGES}::test_states_are_read_page_by_page_with_those_of_removed_accounts",),
    ),
    Mutation(
        "Google is not left alone for as long as it demands",
        "order",
        "services/auth/token_refresh.py::_request_grant",
        Replace("min(max(retry_after or OUTAGE_PAUSE, OUTAGE_PAUSE), LONGEST_PAUSE)", "OUTAGE_PAUSE"),
        (f"{AUTH_REFRESHES}::test_google_is_left_alone_for_as_long_as_it_demands",),
    ),
    Mutation(
        "changed settings are published seconds late",
        "order",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("await context.relay_outbox()", ""),
        (f"{AUTH_CHANGES}::test_a_change_is_published_at_once_and_waits_where_the_bus_is_away",),
    ),
    Mutation(
        "the end of an account whose key was lost is not counted",
        "order",
        "services/auth/store/access_tokens.py::discard_sealed_token",
        InText("refresh_until = NULL, sequence = sequence + 1", "refresh_until = NULL"),
        (f"{AUTH_CHANGES}::test_one_token_that_does_not_open_keeps_no_other_from_being_rotated",),
    ),
)
