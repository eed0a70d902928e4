"""In the right order, in mail, cards and calendars out of Google (`sync`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"
LOOK = "test_a_look_at_a_mailbox_that_found_nothing_leaves_its_time_and_a_waiting_run_shows_when_it_goes_on"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a replica that stops keeps its runs",
        "order",
        "services/sync/runs/worker.py::Worker._carry_out",
        Replace("await asyncio.shield(self._release(lease))", ""),
        (f"{SYNC}/test_sync_worker.py::test_a_worker_that_stops_leaves_its_runs_to_others_at_once",),
    ),
    Mutation(
        "the sync history begins with the oldest run",
        "order",
        "services/sync/store/runs.py::list_runs",
        InText("ORDER BY run_id DESC", "ORDER BY run_id"),
        (
            f"{SYNC}/test_sync_store_runs.py::test_the_history_of_an_account_comes_page_by_page_newest_first_without_looks_that_are_under_way",
        ),
    ),
    Mutation(
        "of several runs the first one is shown as the latest",
        "order",
        "services/sync/store/runs.py::list_latest",
        InText("ORDER BY account_id, kind, run_id DESC", "ORDER BY account_id, kind, run_id"),
        (f"{SYNC}/test_sync_store_runs.py::test_the_state_of_a_user_is_the_latest_run_of_each_kind_of_each_account",),
    ),
    Mutation(
        "who waits longest for a first import comes last",
        "order",
        "services/sync/store/leases.py::acquire",
        InText("ORDER BY due_at LIMIT $4", "ORDER BY due_at DESC LIMIT $4"),
        (
            f"{SYNC}/test_sync_store_leases.py::test_of_each_sort_no_more_are_taken_than_there_is_room_for_and_who_waits_longest_comes_first[initial_mail]",
        ),
    ),
    Mutation(
        "mail stands in line behind calendars that wait for their quota",
        "order",
        "services/sync/store/leases.py::acquire",
        InText("AND kind <> 'calendar' AND run_id", "AND run_id"),
        (
            f"{SYNC}/test_sync_store_leases.py::test_of_each_sort_no_more_are_taken_than_there_is_room_for_and_who_waits_longest_comes_first[incremental]",
        ),
    ),
    Mutation(
        "calendars that wait for their quota leave no room for mail",
        "order",
        "services/sync/domain/capacity.py::Capacity.beside",
        Replace("MAX_RUNS - len(under_way) + calendars", "MAX_RUNS - len(under_way)"),
        ("tests/unit/sync/test_sync_engine.py::test_a_process_takes_more_the_more_it_has_until_it_is_full",),
    ),
    Mutation(
        "mail of all accounts is due faster than Gmail's quota lets it through",
        "order",
        "services/sync/domain/spreads.py::mail_spread",
        Replace("max(_seconds(accounts, units_per_minute / UNITS_PER_MAIL_RUN), least)", "least"),
        ("tests/unit/sync/test_spreads.py",),
    ),
    Mutation(
        "what a schedule requests goes before what somebody waits for",
        "order",
        "services/sync/domain/runs.py::priority_of",
        Replace('reason == "schedule" or (kind == "calendar" and reason == "poll")', "False"),
        (
            "tests/unit/sync/test_sync_engine.py::test_what_is_requested_for_all_accounts_lets_go_first_what_somebody_waits_for",
        ),
    ),
    Mutation(
        "all calendars are read at one moment",
        "order",
        "services/sync/domain/spreads.py::scan_spread",
        Replace("min(_seconds(accounts, requests_per_minute * SCAN_SHARE), SCAN_EVERY_SECONDS)", "0"),
        ("tests/unit/sync/test_spreads.py",),
    ),
    Mutation(
        "a prep scan is made before its moment, and the next one too late",
        "order",
        "services/sync/store/prep_scans.py::is_due",
        InText("SELECT scan_due <= now() FROM", "SELECT scan_due IS NOT NULL FROM"),
        (
            f"{SYNC}/test_sync_run_ends.py::test_a_scan_whose_moment_is_still_to_come_has_a_run_of_its_own_at_that_moment",
        ),
    ),
    Mutation(
        "a prep scan takes the meeting behind its window",
        "order",
        "services/sync/store/meetings.py::list_upcoming",
        InText("starts_at < $3", "starts_at <= $3"),
        (
            f"{SYNC}/test_sync_store_published.py::test_meetings_that_start_within_the_window_come_by_start_and_page_by_page",
        ),
    ),
    Mutation(
        "a page of meetings begins with the last one of the page before",
        "order",
        "services/sync/store/meetings.py::list_meetings",
        InText("(starts_at, meeting_id) > ($5", "(starts_at, meeting_id) >= ($5"),
        (
            f"{SYNC}/test_sync_store_published.py::test_meetings_that_start_within_the_window_come_by_start_and_page_by_page",
        ),
    ),
    Mutation(
        "an audit that is wanted now waits for the scheduled one",
        "order",
        "services/sync/store/audits.py::schedule",
        InText("LEAST(audits.due_at, excluded.due_at)", "GREATEST(audits.due_at, excluded.due_at)"),
        (
            f"{SYNC}/test_sync_store_audits.py::test_of_each_account_one_audit_is_scheduled_at_a_time_for_the_sooner_moment",
        ),
    ),
    Mutation(
        "an outage begins anew with every pause",
        "order",
        "services/sync/runs/outcome.py::_pause",
        Replace("(stuck_since or now) if decision.stuck else None", "now if decision.stuck else None"),
        (
            f"{SYNC}/test_sync_run_ends.py::test_what_has_been_stuck_for_hours_goes_on_from_when_it_began_and_then_fails",
        ),
    ),
    Mutation(
        "who has waited long for a quota is kept waiting long after its room is there",
        "order",
        "services/sync/domain/runs.py::retry_decision",
        Replace("now + error.room_in * chance.uniform(1.0, 1.1)", "now + error.room_in * 2 ** min(pauses, 10)"),
        ("tests/unit/sync/test_sync_sentences.py::test_errors_decide_how_a_run_goes_on",),
    ),
    Mutation(
        "a lease that cannot be renewed is kept",
        "order",
        "services/sync/runs/leases.py::HeldLeases._keep_renewing",
        Replace("self._lose(...)", ""),
        (f"{SYNC}/test_sync_worker.py::test_a_lease_that_cannot_be_renewed_for_its_length_is_given_up",),
    ),
    Mutation(
        "a request has a run that was put off go on at once",
        "order",
        "services/sync/store/runs.py::insert_requests",
        InText("due_at = CASE WHEN runs.state = 'queued' THEN", "due_at = CASE WHEN runs.state <> 'running' THEN"),
        (
            f"{SYNC}/test_sync_store_runs.py::test_a_request_brings_a_queued_run_forward_and_leaves_one_that_was_put_off",
        ),
    ),
    Mutation(
        "an audit holds up a look that nobody waits for",
        "order",
        "services/sync/item_audit.py::audit_if_due",
        Replace("run.lease.reason in UNATTENDED", "False"),
        (f"{SYNC}/test_sync_lost_leases.py::test_a_look_that_nobody_waits_for_carries_out_no_audit",),
    ),
    Mutation(
        "a calendar of which only changes were listed counts as listed in full",
        "order",
        "services/sync/calendar/sync.py::_read",
        Replace("now.isoformat() if full else cursor.full_at", "now.isoformat()"),
        (
            f"{SYNC}/test_sync_contacts_calendar.py::test_once_a_day_a_calendar_is_listed_in_full_by_its_schedule_or_else_by_the_next_run",
        ),
    ),
    Mutation(
        "a calendar is never listed in full by its schedule",
        "order",
        "services/sync/calendar/sync.py::_sync_calendar",
        Replace('run.lease.reason == "schedule" or cursor.is_stale(run.now)', "cursor.is_stale(run.now)"),
        (
            f"{SYNC}/test_sync_contacts_calendar.py::test_once_a_day_a_calendar_is_listed_in_full_by_its_schedule_or_else_by_the_next_run",
        ),
    ),
    Mutation(
        "a notification that comes amid a poll counts as one that never came",
        "order",
        "services/sync/mail/polling.py::poll_at_full_rate",
        Replace(
            'ended.started_at if ended.reason == "poll" else None',
            'ended.finished_at if ended.reason == "poll" else None',
        ),
        (f"{SYNC}/test_sync_schedules.py::test_a_notification_that_came_amid_the_poll_shows_that_they_come",),
    ),
    Mutation(
        "a look at a mailbox that found nothing does not count as synced",
        "order",
        "services/sync/store/runs.py::delete_if_unreported",
        InText("AND c.kind = 'mail' AND", "AND c.kind = 'contacts' AND"),
        (f"{SYNC}/test_sync_store_runs.py::{LOOK}",),
    ),
    Mutation(
        "a mailbox is late by as long as its import took",
        "order",
        "services/sync/store/operations.py::get_late_polls",
        InText("GREATEST(poll_at, last.finished_at)", "poll_at"),
        (
            "tests/integration/sync/test_sync_polling.py::test_a_mailbox_is_late_from_the_end_of_what_kept_it_from_being_polled",
        ),
    ),
)
