"""Nobody else's, in mail, cards and calendars out of Google (`sync`)."""

from tests.sabotage.kept.others import ACCOUNTS, ANYBODY_1, REQUESTS, condition_lost
from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "whoever knows a channel notifies through it",
        "others",
        "services/sync/store/channels.py::get_account_id",
        InText("AND token_hash = $2", "AND $2::bytea IS NOT NULL"),
        (
            "tests/integration/sync/test_sync_calendar_push.py::test_what_changes_in_a_calendar_is_read_at_once_without_a_schedule",
        ),
    ),
    Mutation(
        "a message is settled in every mailbox that has its id",
        "others",
        "services/sync/store/ledger.py::settle",
        InText("WHERE m.account_id = s.account_id AND m.gmail_id", "WHERE m.gmail_id"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "what another mailbox set aside is tried again",
        "others",
        "services/sync/store/messages.py::retry",
        InText("WHERE account_id = $1 AND state = 'set_aside'", "WHERE state = 'set_aside'"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a card of another account is marked as published",
        "others",
        "services/sync/store/people.py::mark_people_published",
        InText("WHERE account_id = $1 AND people", "WHERE $1::uuid IS NOT NULL AND people"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "the list of another audit counts",
        "others",
        "services/sync/store/audits.py::_LISTED",
        InText("WHERE p.account_id = $1", ""),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "the sync history of an account is shown to whoever knows its id",
        "others",
        "services/sync/store/runs.py::list_runs",
        InText("account_id = $2 AND user_id = $1", "account_id = $2 AND $1::uuid IS NOT NULL"),
        REQUESTS,
    ),
    Mutation(
        "a sync is requested by whoever knows the id of the account",
        "others",
        "services/sync/handlers/requests.py::request_run",
        Replace(
            'account is None or account.user_id != event.user_id or account.state == "disconnected"',
            'account is None or account.state == "disconnected"',
        ),
        (
            f"{SYNC}/test_sync_handlers.py::test_a_sync_is_requested_of_the_own_account_and_mail_is_polled_at_the_full_rate_from_then_on",
        ),
    ),
    Mutation(
        "whether a watch fails is read of another account",
        "others",
        "services/sync/store/freshness.py::note_activity",
        InText("FROM accounts WHERE account_id = $1", "FROM accounts"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    condition_lost(
        "a meeting of anybody",
        "services/sync/store/meetings.py::get_meeting",
        "m.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "everybody's meetings are listed",
        "services/sync/store/meetings.py::list_meetings",
        "m.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    Mutation(
        "an account of anybody is explained, audited and retried",
        "others",
        "services/sync/context.py::Context.get_account",
        Replace("account is None or account.user_id != user_id", "account is None"),
        REQUESTS,
    ),
    condition_lost(
        "a message of another account is explained",
        "services/sync/store/messages.py::list_by_id",
        "messages WHERE account_id = $1 AND gmail_id = $2 UNION",
        f"messages WHERE {ANYBODY_1} AND gmail_id = $2 UNION",
        ACCOUNTS,
    ),
    condition_lost(
        "messages of every account are tried again",
        "services/sync/store/messages.py::retry",
        "m.account_id = $1 AND m.gmail_id",
        f"{ANYBODY_1} AND m.gmail_id",
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a meeting is shown whose user nobody looked at",
        "others",
        "services/sync/store/meetings.py::get_meeting",
        InText("m.user_id = $1 AND meeting_id", "$1::uuid IS NOT NULL AND meeting_id"),
        (f"{SYNC}/test_sync_apart.py::test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids",),
    ),
    Mutation(
        "an audit is started by whoever knows the id of the account",
        "others",
        "services/sync/context.py::Context.get_account",
        Replace("account is None or account.user_id != user_id", "account is None"),
        (f"{SYNC}/test_sync_schedules.py::test_the_owner_of_an_account_may_have_it_audited_now",),
    ),
)
