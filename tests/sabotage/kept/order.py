"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
    Mutation(
        "the oldest brief of a meeting is its state",
        "order",
        "services/prep/store/preps.py::list_latest",
        InText("updated_at DESC", "updated_at"),
        (f"{PREP_ROWS}::test_the_latest_brief_of_each_meeting_is_the_one_written_last",),
    ),
    Mutation(
        "a lease is over while Gmail is still taking the brief",
        "order",
        "services/prep/store/preps.py::mark_handed_over",
        InText("leased_until = now() + $3::interval", "leased_until = greatest(leased_until, now() - $3::interval)"),
        (f"{PREP_ROWS}::test_handing_over_renews_the_lease_and_adds_what_it_cost",),
    ),
    Mutation(
        "a meeting that was moved into the window waits for the next scan",
        "order",
        "services/prep/handlers/meetings.py::_is_due",
        Replace("meeting.starts_at - now < window", "meeting.starts_at - now > window"),
        (f"{PREP_ATTEMPTS}::test_a_moved_meeting_is_briefed_at_once_where_the_next_scan_would_be_too_late",),
    ),
    Mutation(
        "meetings that begin together are briefed one after the other",
        "order",
        "services/prep/__main__.py::wire",
        Replace(
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=32)",
            "r.bus.subscribe(MeetingUpcoming, partial(meetings.brief_meeting, context), at_once=1)",
        ),
        (f"{PREP_SERVICE}::test_meetings_that_begin_together_do_not_wait_for_each_other",),
    ),
    Mutation(
        "a dry run ends with the first page of meetings",
        "order",
        "services/prep/gathering.py::list_meetings",
        Replace("cursor = page.next_cursor", "cursor = None"),
        (f"{PREP_GATHERING}::test_meetings_are_listed_to_the_last_page_each_once",),
    ),
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
