"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
SYNC = "tests/integration/sync"
COUNTING = "tests/integration/gateway/test_gateway_counting.py"
EDGES = "tests/integration/gateway/test_gateway_edges.py"
OUTBOX = "tests/integration/common/test_outbox.py"
QUOTA = "tests/integration/common/test_google_quota.py"
REQUESTS = "tests/integration/gateway/test_gateway_requests.py"
SETTLING = "tests/integration/common/test_bus_settling.py"
STORE = "tests/integration/gateway/test_gateway_store.py"
LIVE = "tests/integration/gateway/test_gateway_live_updates.py"
CONTACTS = "tests/integration/contacts/test_contacts"
AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"
TOGETHER = "test_kinds_that_were_requested_together_share_a_notification_that_grows_and_is_news_again"
LOOK = "test_a_look_at_a_mailbox_that_found_nothing_leaves_its_time_and_a_waiting_run_shows_when_it_goes_on"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
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
        "a pause that the other side demands is not kept",
        "order",
        "libs/common/bus/delivery.py::Delivery._postpone",
        Replace("max(requested, OUTAGE_DELAY_SECONDS)", "OUTAGE_DELAY_SECONDS"),
        (f"{SETTLING}::test_a_batch_that_met_an_outage_comes_again_as_a_whole_and_has_not_failed",),
    ),
    Mutation(
        "an outbox that is relayed newest first",
        "order",
        "libs/common/outbox.py::relay",
        InText("ORDER BY id LIMIT $2", "ORDER BY id DESC LIMIT $2"),
        (f"{OUTBOX}::test_events_come_out_in_the_order_in_which_they_were_added_and_under_their_trace",),
    ),
    Mutation(
        "a list of notifications that begins with the oldest",
        "order",
        "services/gateway/store/notifications.py::list_notifications",
        InText("ORDER BY id DESC", "ORDER BY id"),
        (f"{STORE}::test_lists_are_newest_first_from_page_to_page_and_unread_ones_are_those_that_are_counted",),
    ),
    Mutation(
        "a page of notifications that repeats the last one of the page before",
        "order",
        "services/gateway/store/notifications.py::list_notifications",
        InText("id < $3", "id <= $3"),
        (f"{STORE}::test_lists_are_newest_first_from_page_to_page_and_unread_ones_are_those_that_are_counted",),
    ),
    Mutation(
        "a home page whose badge does not count what is below it",
        "order",
        "services/gateway/pages/home.py::show_home",
        Replace(
            "list_notifications(visit.context.db, visit.user_id, unread=True, limit=NEWEST)",
            "list_notifications(visit.context.db, visit.user_id, limit=NEWEST)",
        ),
        (f"{EDGES}::test_the_home_page_shows_the_newest_unread_notifications_and_counts_them_all",),
    ),
    Mutation(
        "an event of an account that counts after a later one",
        "order",
        "services/gateway/store/accounts.py::note_event",
        InText("accounts.sequence <= excluded.sequence AND", ""),
        (f"{STORE}::test_events_of_an_account_count_in_their_order_and_never_after_its_purge",),
    ),
    Mutation(
        "a timeline that is always its first page",
        "order",
        "services/gateway/api/contacts.py::list_interactions",
        Replace("query.cursor", "None"),
        (f"{REQUESTS}::test_each_operation_requests_what_its_caller_asked_for_in_their_own_name",),
    ),
    Mutation(
        "a command that may be done after its caller gave up",
        "order",
        "services/gateway/api/endpoint.py::COMMAND_SECONDS",
        Replace("30.0", "10.0"),
        (f"{REQUESTS}::test_each_operation_requests_what_its_caller_asked_for_in_their_own_name",),
    ),
    Mutation(
        "a bucket of requests that saves up hours",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText(
            "math.min(capacity, tokens + math.max(0, now - at) * per_ms)", "tokens + math.max(0, now - at) * per_ms"
        ),
        (f"{COUNTING}::test_a_bucket_fills_steadily_and_never_beyond_its_brim",),
    ),
    Mutation(
        "a pause of Google's that a shorter one ends",
        "order",
        "libs/common/google/hold.lua",
        InText("if until_ms > tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) then", "if until_ms > 0 then"),
        (f"{QUOTA}::test_after_a_429_no_replica_calls_for_that_mailbox_until_it_is_over",),
    ),
    Mutation(
        "an event from before an account was disconnected notifies after it",
        "order",
        "services/gateway/handlers/deletions.py::purge_account",
        Replace("await accounts.note_event(connection, event)", ""),
        (f"{LIVE}::test_what_comes_late_about_an_account_notifies_nobody",),
    ),
    Mutation(
        "an import that takes live work's share of the quota",
        "order",
        "libs/common/google/quota.lua",
        InText("bucket.ceiling * (1 - live_share)), bucket.next", "bucket.ceiling), bucket.next"),
        (f"{QUOTA}::test_an_import_leaves_live_work_its_share_also_where_that_has_taken_more",),
    ),
    Mutation(
        "an import whose calls all stand in line",
        "order",
        "libs/common/google/quota.py::Mailbox.admit",
        Replace(
            "async with self._turn:\n    await self._wait(self.quota_limiter, units, priority)",
            "await self._wait(self.quota_limiter, units, priority)",
        ),
        (f"{QUOTA}::test_live_work_does_not_queue_behind_an_import",),
    ),
    Mutation(
        "a notification that is pushed before others can read it",
        "order",
        "services/gateway/handlers/notifications.py::notify",
        Replace(
            "notification_id = await store.insert_notification(connection, new)",
            "notification_id = await store.insert_notification(connection, new)\n"
            "        await context.bus.publish(NotificationCreated(user_id=new.user_id, notification_id=notification_id))",
        ),
        (f"{LIVE}::test_a_notification_is_pushed_when_others_can_read_it_and_again_when_its_event_comes_again",),
    ),
    Mutation(
        "a timeline that skips lines of one moment",
        "order",
        "services/contacts/store/timelines.py::_list_piece",
        InText(
            "coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)",
            "coalesce(least($3, '00000000-0000-0000-0000-000000000000'), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)",
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a timeline without an order inside a moment",
        "order",
        "services/contacts/store/timelines.py::_list_matching",
        InText(
            "ORDER BY occurred_at DESC, interaction_id DESC LIMIT $7",
            "ORDER BY occurred_at DESC, interaction_id LIMIT $7",
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a thread that folds into its oldest line",
        "order",
        "services/contacts/store/timelines.py::_list_matching",
        InText(
            "ORDER BY occurred_at DESC, interaction_id DESC) AS nth", "ORDER BY occurred_at, interaction_id) AS nth"
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a timeline whose last page is not seen",
        "order",
        "services/contacts/handlers/timelines.py::get_timeline",
        Replace("query.limit + 1", "query.limit"),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a list of contacts that repeats the last of a page",
        "order",
        "services/contacts/store/contact_search.py::_BY_RECENT",
        InText("c.id > $4::uuid", "c.id >= $4::uuid"),
        (f"{CONTACTS}_pages.py::test_contacts_come_in_the_order_that_is_asked_for_on_pages_of_any_size",),
    ),
    Mutation(
        "notes found before names",
        "order",
        "services/contacts/store/text_search.py::_Fit.rank",
        InText("THEN 1 ELSE 0", "THEN 0 ELSE 1"),
        (f"{CONTACTS}_pages.py::test_what_is_found_in_a_name_comes_before_addresses_companies_and_notes",),
    ),
    Mutation(
        "where very many match, one that repeats on the next page",
        "order",
        "services/contacts/store/text_search.py::_behind",
        InText(" > ", " >= "),
        (f"{CONTACTS}_lists.py::test_search_is_the_same_on_pages_of_any_size_however_many_match",),
    ),
    Mutation(
        "a filter by tag that lists everybody with a tag",
        "order",
        "services/contacts/store/contact_search.py::fitting",
        InText("c.tags @> ", "c.tags IS DISTINCT FROM "),
        (f"{CONTACTS}_lists.py::test_every_list_has_each_contact_that_fits_once_and_in_order_on_pages_of_any_size",),
    ),
    Mutation(
        "a list by company that ends with a page",
        "order",
        "services/contacts/store/contact_search.py::_BY_COMPANY",
        InText("($3 = '', $3,", "(true, $3,"),
        (f"{CONTACTS}_lists.py::test_every_list_has_each_contact_that_fits_once_and_in_order_on_pages_of_any_size",),
    ),
    Mutation(
        "a brief that shows the meeting itself as the last contact",
        "order",
        "services/contacts/store/timelines.py::list_last_lines",
        InText("l.occurred_at < $2", "l.occurred_at <= $2"),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "bulk mail that takes the place of mail in a brief",
        "order",
        "services/contacts/store/timelines.py::list_last_lines",
        InText("ORDER BY counted DESC, occurred_at DESC", "ORDER BY occurred_at DESC"),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "what others call somebody before their own name",
        "order",
        "services/contacts/domain/names.py::chosen_name",
        Replace(
            "(not is_role(name.name), name.rank, name.at, name.name)",
            "(not is_role(name.name), name.at, name.rank, name.name)",
        ),
        (f"{CONTACTS}_rules.py::test_a_name_that_is_learned_anew_is_the_best_of_those_that_are_left",),
    ),
    Mutation(
        "archived contacts that are counted",
        "order",
        "services/contacts/store/counts.py::get_counts",
        InText("AND merged_into IS NULL AND NOT archived) AS contacts", "AND merged_into IS NULL) AS contacts"),
        (f"{CONTACTS}_pages.py::test_contacts_come_in_the_order_that_is_asked_for_on_pages_of_any_size",),
    ),
    Mutation(
        "scores that are never due again",
        "order",
        "services/contacts/domain/relationships.py::relationship",
        Replace("next_change(times, now)", "None"),
        (f"{CONTACTS}_rules.py::test_stored_scores_are_those_of_the_moment_and_due_when_they_can_change",),
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
    Mutation(
        "an import whose requests are in the way of new mail",
        "order",
        "libs/common/google/batch_get.py::_most_units",
        Replace('session.priority == "backfill" and per_second', 'session.priority == "live" and per_second'),
        (
            "tests/unit/google_edge/test_google_edge_batch_get.py::test_an_import_requests_no_more_at_a_time_than_its_quota_gives_in_a_second",
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
        "not the same, forgotten by a merge",
        "order",
        "services/contacts/views/possible_duplicates.sql",
        InText(
            "least(coalesce(a.merged_into, a.id), coalesce(b.merged_into, b.id)) = s.first_id",
            "least(a.id, b.id) = s.first_id",
        ),
        (f"{CONTACTS}_duplicates.py::test_not_the_same_is_remembered_through_merges_of_either_and_their_undoing",),
    ),
    Mutation(
        "not the same, stated of one part only",
        "order",
        "services/contacts/store/duplicates.py::insert_distinct",
        InText("$2 IN (a.id, a.merged_into)", "$2 = a.id"),
        (f"{CONTACTS}_duplicates.py::test_not_the_same_is_remembered_through_merges_of_either_and_their_undoing",),
    ),
    Mutation(
        "two that are not the same, joined by a card",
        "order",
        "services/contacts/store/duplicates.py::insert_distinct",
        InText("SET pinned = true", "SET pinned = pinned"),
        (f"{CONTACTS}_duplicates.py::test_neither_a_card_nor_a_mail_makes_one_of_two_that_are_not_the_same",),
    ),
    Mutation(
        "a name of thousands, compared with everybody",
        "order",
        "services/contacts/store/duplicates.py::list_blocks",
        InText("BETWEEN 2 AND $3 - 1", "BETWEEN 2 AND $3"),
        (f"{CONTACTS}_duplicates.py::test_thousands_of_one_name_cost_no_more_than_a_block_of_them",),
    ),
    Mutation(
        "who changed is not compared anew",
        "order",
        "services/contacts/store/contact_fields.py::update_derived_fields",
        InText("duplicates_due = c.duplicates_due OR", "duplicates_due = c.duplicates_due AND"),
        (f"{CONTACTS}_duplicates.py::test_only_what_changed_is_compared_and_what_no_longer_holds_goes",),
    ),
    Mutation(
        "kinds that were requested together and end at once are two notifications",
        "order",
        "services/gateway/store/notifications.py::_find_requested_together",
        InText("SELECT pg_advisory_xact_lock(", "SELECT ("),
        (f"{STORE}::{TOGETHER}",),
    ),
    Mutation(
        "a notification that grows after it was read is no news",
        "order",
        "services/gateway/store/notifications.py::_add",
        InText("CASE WHEN $4 THEN NULL ELSE read_at END", "CASE WHEN $4 THEN read_at ELSE read_at END"),
        (f"{STORE}::{TOGETHER}",),
    ),
    Mutation(
        "a look at a mailbox that found nothing does not count as synced",
        "order",
        "services/sync/store/runs.py::delete_if_unreported",
        InText("AND c.kind = 'mail' AND", "AND c.kind = 'contacts' AND"),
        (f"{SYNC}/test_sync_store_runs.py::{LOOK}",),
    ),
)
