"""Nothing twice: every unique key and every fence against the late writer that it is there for."""

from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"
LONG = "tests/unit/common/test_long_handling.py"
RESOURCES = "tests/integration/common/test_resources.py"
STORE = "tests/integration/gateway/test_gateway_store.py"
COUNTING = "tests/integration/gateway/test_gateway_counting.py"
EXPORT = "tests/integration/gateway/test_gateway_export.py"
CONTACTS = "tests/integration/contacts/test_contacts"
AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_KEYS = "tests/integration/prep/test_prep_dedup_keys.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS: tuple[Mutation, ...] = (
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
        "long work is handed to another replica meanwhile",
        "twice",
        "libs/common/bus/delivery.py::_kept_alive",
        Replace("await message.in_progress()", ""),
        (f"{LONG}::test_long_work_is_reported_until_it_ends_and_no_longer",),
    ),
    Mutation(
        "a webhook call that two senders make",
        "twice",
        "services/gateway/store/webhook_deliveries.py::lease_due_deliveries",
        InText("due_at = now() + $1", "due_at = now() + $1 * 0"),
        (f"{STORE}::test_a_call_is_one_sender_s_until_its_lease_ends",),
    ),
    Mutation(
        "a webhook sender that comes late takes the call from the one who has it",
        "twice",
        "services/gateway/store/webhook_deliveries.py::postpone_delivery",
        InText("AND due_at = $2", "AND $2::timestamptz IS NOT NULL"),
        (f"{STORE}::test_a_sender_that_comes_late_does_not_take_the_call_from_the_one_who_has_it",),
    ),
    Mutation(
        "runs that share a notification and end at once overwrite each other's counts",
        "twice",
        "services/gateway/store/notifications.py::_add_to_earlier",
        InText("FOR UPDATE", ""),
        (f"{STORE}::test_runs_that_share_a_notification_and_end_at_once_are_both_counted",),
    ),
    Mutation(
        "a late try of a command lets go of the key that another one holds",
        "twice",
        "libs/common/idempotency.py::Try.abandon",
        Replace("self.cache.release_if(self.command.name, self.mark)", "self.cache.release(self.command.name)"),
        (f"{RESOURCES}::test_a_try_that_ended_late_takes_nothing_from_the_one_that_came_after",),
    ),
    Mutation(
        "a lease in Redis that everybody gets",
        "twice",
        "libs/common/cache.py::Cache.acquire",
        Replace(
            "self.client.set(self._full(key), value, nx=True, px=ttl)",
            "self.client.set(self._full(key), value, px=ttl)",
        ),
        (f"{RESOURCES}::test_what_is_acquired_is_the_first_one_s_until_it_is_released_by_its_holder",),
    ),
    Mutation(
        "an export that ended late lets another one begin",
        "twice",
        "services/gateway/limits/exports.py::only_export",
        Replace("context.cache.release_if(key, holder)", "context.cache.release(key)"),
        (f"{COUNTING}::test_an_export_that_ended_late_takes_nothing_from_the_one_that_came_after",),
    ),
    Mutation(
        "an archive that repeats what is on its pages",
        "twice",
        "services/gateway/export.py::_fetch_notifications",
        Replace("page[-1].id", "page[0].id"),
        (f"{EXPORT}::test_the_archive_has_the_user_s_own_in_the_order_of_the_lists_however_many_pages",),
    ),
    Mutation(
        "an older card over a newer",
        "twice",
        "services/contacts/store/cards.py::upsert_cards",
        InText("WHERE cards.revision < excluded.revision", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "a card of the same revision over what is held",
        "twice",
        "services/contacts/store/cards.py::upsert_cards",
        InText("cards.revision < excluded.revision", "cards.revision <= excluded.revision"),
        (f"{CONTACTS}_late.py::test_a_statement_that_is_not_later_than_what_was_applied_changes_no_row",),
    ),
    Mutation(
        "a card as it was that writes its contact anew",
        "twice",
        "services/contacts/store/contact_fields.py::update_derived_fields",
        InText("c.derive_due OR ROW(", "true OR ROW("),
        (f"{CONTACTS}_imports.py::test_a_card_that_is_published_again_as_it_was_writes_itself_alone",),
    ),
    Mutation(
        "an older removal of a card",
        "twice",
        "services/contacts/store/cards.py::mark_card_removed",
        InText("WHERE cards.revision < $4", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "older settings over newer in contacts",
        "twice",
        "services/contacts/store/users.py::upsert_contact_creation",
        InText("WHERE users.settings_version < $2", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "an older event of an account over a later one in contacts",
        "twice",
        "services/contacts/store/accounts.py::_IS_LATER",
        InText("accounts.sequence < excluded.sequence", "accounts.sequence <> excluded.sequence"),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "older aliases over newer",
        "twice",
        "services/contacts/store/own_addresses.py::replace_own_addresses",
        InText("revision > $3", "revision < $3"),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "an older bio over a newer",
        "twice",
        "services/contacts/store/profiles.py::upsert_bio",
        InText("WHERE profiles.at <= $4", ""),
        (
            f"{CONTACTS}_late.py::test_the_newest_bio_of_an_address_stays_and_that_of_a_contact_is_the_newest_of_its_addresses",
        ),
    ),
    Mutation(
        "two writers for one user",
        "twice",
        "services/contacts/store/users.py::lock_free_users",
        InText("pg_try_advisory_xact_lock(hashtextextended('contacts.user:' || id::text, 0))", "true"),
        (f"{CONTACTS}_late.py::test_the_locks_of_two_users_are_two_and_that_of_one_is_one",),
    ),
    Mutation(
        "an offer that is published again and again",
        "twice",
        "services/contacts/bcc_offers.py::publish_offers",
        Replace("await bcc_offers.mark_published(...)", ""),
        (f"{CONTACTS}_late.py::test_an_offer_is_published_once_by_two_replicas_that_come_one_after_the_other",),
    ),
    Mutation(
        "a merge that is undone twice",
        "twice",
        "services/contacts/handlers/merges.py::undo_merge",
        Replace("merge is None or merge.undone", "merge is None"),
        (f"{CONTACTS}_merges.py::test_what_is_undone_is_undone_once_and_a_contact_is_not_merged_with_itself",),
    ),
    Mutation(
        "a merge whose command is repeated",
        "twice",
        "services/contacts/handlers/merges.py::merge_contacts",
        Replace("await get_merge(connection, user_id, merge_id) is None", "True"),
        (f"{CONTACTS}_requests.py::test_a_merge_whose_reply_was_lost_is_made_once_and_can_be_undone",),
    ),
    Mutation(
        "a purged account of which more is recorded",
        "twice",
        "services/contacts/projector.py::record_observations",
        Replace("found.user_id not in purged and found.source_id not in purged", "found.user_id not in purged"),
        (f"{CONTACTS}_late.py::test_a_mark_of_a_purge_moves_only_forward_and_holds_for_every_door",),
    ),
    Mutation(
        "a late attempt hands its brief over",
        "twice",
        "services/prep/store/preps.py::mark_handed_over",
        InText("AND attempts = $2 ", ""),
        (f"{PREP_ROWS}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a late attempt settles the brief of the next",
        "twice",
        "services/prep/store/preps.py::settle",
        InText("AND attempts = $2 ", ""),
        (f"{PREP_ROWS}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a brief whose lease was lost is sent all the same",
        "twice",
        "services/prep/sending.py::deliver",
        Replace(
            "not await preps.mark_handed_over(connection, stored, brief)",
            "await preps.mark_handed_over(connection, stored, brief) is None",
        ),
        (f"{PREP_ATTEMPTS}::test_who_lost_the_lease_before_handing_over_sends_nothing",),
    ),
    Mutation(
        "a brief is taken from who is at it",
        "twice",
        "services/prep/store/preps.py::acquire",
        InText("AND preps.leased_until <= now()", ""),
        (f"{PREP_ROWS}::test_a_brief_is_acquired_by_whoever_comes_first",),
    ),
    Mutation(
        "the next attempt has another token, which Sent does not find",
        "twice",
        "services/prep/store/preps.py::acquire",
        InText("SET state = 'sending', resumed", "SET token = excluded.token, state = 'sending', resumed"),
        (f"{PREP_ROWS}::test_a_lease_that_is_over_passes_on_with_the_token_that_gmail_may_have",),
    ),
    Mutation(
        "a brief whose answer was lost is sent without a look into Sent",
        "twice",
        "services/prep/briefing.py::_attempt",
        Replace("stored.handed_over and await _settle_earlier_attempt(context, stored, account)", "False"),
        (f"{PREP_ATTEMPTS}::test_a_brief_whose_answer_was_lost_is_found_in_sent_and_not_sent_again",),
    ),
    Mutation(
        "a brief by hand that Gmail may have is sent again",
        "twice",
        "services/prep/store/preps.py::acquire_by_hand",
        InText("AND preps.handed_over_at IS NULL", ""),
        (f"{PREP_ROWS}::test_a_brief_by_hand_goes_on_where_nothing_of_it_can_be_sent_twice",),
    ),
    Mutation(
        "a key in Redis that can't be doubted yet is passed over",
        "twice",
        "services/prep/leasing.py::acquire_lease",
        Replace("doubted_from > now", "doubted_from < now"),
        (f"{PREP_KEYS}::test_a_key_without_a_row_stops_everybody_until_it_can_be_doubted",),
    ),
    Mutation(
        "each scan publishes the same skip again",
        "twice",
        "services/prep/outcomes.py::record_skipped",
        Replace("prep is not None and stored.reason != reason", "prep is not None"),
        (f"{PREP_ATTEMPTS}::test_a_skip_is_published_once_per_reason",),
    ),
    Mutation(
        "a late refresh overwrites a newer one",
        "twice",
        "services/auth/store/access_tokens.py::store_refreshed",
        InText("AND refresh_holder = $2", ""),
        (f"{AUTH_REFRESHES}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a late refusal of Google ends an account that was connected again",
        "twice",
        "services/auth/store/access_tokens.py::require_reauth",
        InText("AND refresh_holder = $2", ""),
        (f"{AUTH_REFRESHES}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a reconnection leaves the lease to the refresh of the old token",
        "twice",
        "services/auth/store/accounts.py::update_grant",
        InText(
            "refresh_token = coalesce($7, refresh_token), refresh_holder = NULL, refresh_until = NULL",
            "refresh_token = coalesce($7, refresh_token)",
        ),
        (f"{AUTH_REFRESHES}::test_a_late_answer_of_google_changes_nothing",),
    ),
    Mutation(
        "two replicas refresh one token",
        "twice",
        "services/auth/store/access_tokens.py::acquire_lease",
        InText("AND (refresh_until IS NULL OR refresh_until <= now())", ""),
        (f"{AUTH_REFRESHES}::test_a_lease_is_given_to_a_single_holder_who_saw_the_token_that_is_stored",),
    ),
    Mutation(
        "a state signs in twice",
        "twice",
        "services/auth/authorization.py::take_pending",
        Replace("await context.cache.pop(key)", "await context.cache.get(key)"),
        ("tests/integration/auth/test_auth_sign_in.py::test_a_state_is_good_once",),
    ),
    Mutation(
        "older settings over newer",
        "twice",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("await users.lock_user(connection, command.user_id)", ""),
        (f"{AUTH_CREDENTIALS}::test_of_two_changes_of_the_same_settings_at_once_the_later_is_refused",),
    ),
    Mutation(
        "a person who comes twice at once becomes two",
        "twice",
        "services/auth/account_linking.py::link_account",
        Replace("await users.lock_sub(connection, profile.sub)", ""),
        (f"{AUTH_LINKING}::test_the_same_person_who_comes_many_times_at_once_is_one_user",),
    ),
    Mutation(
        "a rotation puts an old refresh token back",
        "twice",
        "services/auth/store/access_tokens.py::replace_sealed_token",
        InText("AND refresh_token = $2", "AND $2::bytea IS NOT NULL"),
        (f"{AUTH_CHANGES}::test_a_token_that_changed_meanwhile_is_neither_replaced_nor_given_up",),
    ),
    Mutation(
        "two who disconnect an account at once publish it twice",
        "twice",
        "services/auth/store/accounts.py::get_account_for_update",
        InText("FOR UPDATE", ""),
        (f"{AUTH_CHANGES}::test_of_two_who_disconnect_an_account_at_once_one_publishes_it",),
    ),
    Mutation(
        "a message that can not be mended is reported with every audit",
        "twice",
        "services/sync/mail/audit.py::audit_if_due",
        Replace("unhealed > (last.unhealed if last else 0)", "unhealed >= (last.unhealed if last else 0)"),
        ("tests/integration/sync/test_sync_audit.py::test_what_contacts_lost_is_published_again",),
    ),
    Mutation(
        "a note that is sent again is another note",
        "twice",
        "services/gateway/pages/meeting.py::_note_of",
        Replace('f"{_thread(meeting.meeting_id)}:{contact_id}"', "None"),
        (
            "tests/integration/gateway/test_gateway_pages_lived_in.py::test_one_note_after_a_meeting_stands_on_the_timeline_of_every_guest_and_is_one_however_often_it_is_sent",
        ),
    ),
)
