"""Nothing twice, in mail, cards and calendars out of Google (`sync`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a meeting that is read once more counts once more",
        "twice",
        "services/sync/store/meetings.py::upsert_meetings",
        InText("WHERE before.revision IS NULL", "WHERE written.revision = 1"),
        life("first_items-fails"),
    ),
    Mutation(
        "a meeting in two calendars is scanned twice",
        "twice",
        "services/sync/store/meetings.py::_IS_FIRST_COPY",
        InText("copy.meeting->>'ical_uid' <> ''", "copy.meeting->>'ical_uid' = ''"),
        (f"{SYNC}/test_sync_store_published.py::test_a_meeting_in_two_calendars_of_an_account_is_listed_once",),
    ),
    Mutation(
        "a write of a run without its fence",
        "twice",
        "services/sync/store/leases.py::hold",
        InText("AND fence = $2 AND state", "AND $2::bigint > 0 AND state"),
        (f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[hold]",),
    ),
    Mutation(
        "progress of a run without its fence",
        "twice",
        "services/sync/store/runs.py::add_progress_of_all",
        InText("ON c.run_id = r.run_id AND c.fence = r.fence", "ON c.run_id = r.run_id"),
        (
            f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[add_progress_of_all]",
        ),
    ),
    Mutation(
        "progress of a run whose lease passes on in the same moment",
        "twice",
        "services/sync/store/runs.py::add_progress_of_all",
        InText("ORDER BY r.account_id, r.kind FOR UPDATE OF r", "ORDER BY r.account_id, r.kind"),
        (
            f"{SYNC}/test_sync_store_leases.py::test_who_writes_in_the_moment_in_which_the_lease_passes_on_writes_nothing",
        ),
    ),
    Mutation(
        "a run is put off by who has lost it",
        "twice",
        "services/sync/store/runs.py::pause",
        InText("AND fence = $2 AND", "AND $2::bigint > 0 AND"),
        (f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[pause]",),
    ),
    Mutation(
        "a run is ended by who has lost it",
        "twice",
        "services/sync/store/runs.py::end",
        InText("AND fence = $2 AND", "AND $2::bigint > 0 AND"),
        (f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[end]",),
    ),
    Mutation(
        "the cost of a run counted by who has lost it",
        "twice",
        "services/sync/store/runs.py::add_cost",
        InText("AND fence = $2", "AND $2::bigint > 0"),
        (f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[add_cost]",),
    ),
    Mutation(
        "a lease is released by who has lost it",
        "twice",
        "services/sync/store/leases.py::release",
        InText("AND fence = $2 AND", "AND $2::bigint > 0 AND"),
        (f"{SYNC}/test_sync_store_leases.py::test_who_comes_late_with_a_lost_lease_writes_nothing[release]",),
    ),
    Mutation(
        "two replicas take one run",
        "twice",
        "services/sync/store/leases.py::acquire",
        InText("ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED", "ORDER BY due_at LIMIT $3"),
        (
            f"{SYNC}/test_sync_store_leases.py::test_of_two_replicas_that_look_at_the_same_time_one_gets_the_run[False-mail]",
        ),
    ),
    Mutation(
        "the cursor of a calendar is written without the lease",
        "twice",
        "services/sync/calendar/sync.py::_read",
        Replace("run.writing()", "run.db.acquire()"),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_calendars]",
        ),
    ),
    Mutation(
        "the cursor of mail is written without the lease",
        "twice",
        "services/sync/mail/history.py::save_cursor",
        Replace("run.writing()", "run.db.acquire()"),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_mail]",
        ),
    ),
    Mutation(
        "messages of a run that was lost are settled",
        "twice",
        "services/sync/runs/batch_writer.py::BatchWriter._write",
        Replace("batch.lease.run_id in held", "True"),
        ("tests/unit/sync/test_sync_engine.py::test_of_a_run_that_was_lost_nothing_is_written",),
    ),
    Mutation(
        "older settings over newer ones",
        "twice",
        "services/sync/store/accounts.py::upsert_preferences",
        InText("WHERE preferences.version < $2", ""),
        (f"{SYNC}/test_sync_store_accounts.py::test_settings_are_replaced_by_newer_ones_only",),
    ),
    Mutation(
        "an older event about an account over a newer one",
        "twice",
        "services/sync/store/accounts.py::require_reauth",
        InText("(sequence < $3 OR", "(sequence >= 0 OR"),
        (
            f"{SYNC}/test_sync_store_accounts.py::test_an_event_about_an_account_is_applied_where_it_is_later_than_what_is_known",
        ),
    ),
    Mutation(
        "two replicas poll one mailbox",
        "twice",
        "services/sync/store/freshness.py::list_due",
        InText("FOR UPDATE OF a SKIP LOCKED", ""),
        (f"{SYNC}/test_sync_store_accounts.py::test_a_notification_waits_for_nobody_and_of_two_replicas_one_polls",),
    ),
    Mutation(
        "a meeting that a crash left unpublished is counted again",
        "twice",
        "services/sync/store/meetings.py::upsert_meetings",
        InText("WHERE before.revision IS NULL", "WHERE put.revision = 1"),
        (
            f"{SYNC}/test_sync_store_published.py::test_a_meeting_is_published_when_it_is_new_changed_or_back_and_with_a_higher_revision_each_time",
        ),
    ),
    Mutation(
        "a message that can not be mended is reported with every audit",
        "twice",
        "services/sync/mail/audit.py::audit_if_due",
        Replace("unhealed > (last.unhealed if last else 0)", "unhealed >= (last.unhealed if last else 0)"),
        ("tests/integration/sync/test_sync_audit.py::test_what_contacts_lost_is_published_again",),
    ),
)
