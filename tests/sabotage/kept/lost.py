"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import InText, Mutation, Replace, Swap

SYNC = "tests/integration/sync"
COMPARISON = "tests/unit/common/test_account_comparison.py"
EDGES = "tests/integration/gateway/test_gateway_edges.py"
LETTERS = "tests/integration/local/test_local_dead_letters.py"
LIFE = "tests/unit/common/test_service_life.py"
OUTBOX = "tests/integration/common/test_outbox.py"
PUSH = "tests/integration/gateway/test_gateway_google_push.py"
SAFETY = "tests/integration/gateway/test_gateway_webhook_safety.py"
SETTLING = "tests/integration/common/test_bus_settling.py"
WLOOP = "tests/unit/gateway/test_gateway_webhook_loop.py"
MIGRATE = "tests/integration/local/test_local_migrate.py"
CONTACTS = "tests/integration/contacts/test_contacts"
_LIVES = "tests/integration/fault_points/test_fault_points.py::test_a_life_with_faults_ends_as_one_without"


def _life(*names: str) -> tuple[str, ...]:
    """The lives, each with a fault at every one of its points, that notice it."""
    return tuple(f"{_LIVES}[{name}]" for name in names)


AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
PREP_SERVICE = "tests/integration/prep/test_prep_service.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"
SUSPECTS = "tests/integration/sync/test_suspects_unavailable.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a message is written down before it is published",
        "lost",
        "services/sync/mail/recording.py::_record",
        Swap("await run.engine.bus.publish(...)", "await run.settle(...)"),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[first_mail]",
        ),
    ),
    Mutation(
        "a removal of mail is written down before it is published",
        "lost",
        "services/sync/mail/history.py::remove_messages",
        Swap("await publish_removals(...)", "async with run.step() as step:\n    ..."),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_mail]",
        ),
    ),
    Mutation(
        "the end of a card is written down before it is published",
        "lost",
        "services/sync/people.py::_publish_deletions",
        Swap("await run.engine.bus.publish(...)", "async with run.step() as step:\n    ..."),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[followed_cards]",
        ),
    ),
    Mutation(
        "a card is marked as published though it changed meanwhile",
        "lost",
        "services/sync/store/people.py::mark_people_published",
        InText("AND people.revision = published.revision", ""),
        (
            f"{SYNC}/test_sync_store_published.py::test_a_card_is_published_when_it_is_new_changed_or_back_and_with_a_higher_revision_each_time",
        ),
    ),
    Mutation(
        "a meeting is marked as published though it changed meanwhile",
        "lost",
        "services/sync/store/meetings.py::mark_meetings_published",
        InText("AND meetings.revision = published.revision", ""),
        (f"{SYNC}/test_sync_store_published.py::test_a_change_while_its_meeting_was_being_published_is_published_too",),
    ),
    Mutation(
        "Pub/Sub is acknowledged before the bus has the notification",
        "lost",
        "services/sync/mail/push.py::pull_notifications",
        Swap("await bus.publish(...)", "await subscription.acknowledge(...)"),
        (f"{SYNC}/test_sync_handlers.py::test_what_the_bus_did_not_take_is_not_acknowledged",),
    ),
    Mutation(
        "a prep scan is done before its meetings are published",
        "lost",
        "services/sync/calendar/prep_scan.py::scan_if_due",
        Swap(
            "await _publish_upcoming(...)",
            "async with run.db.acquire() as connection:\n    await prep_scans.clear(connection, run.lease.run_id)",
        ),
        (
            f"{SYNC}/test_sync_schedules.py::test_a_scan_publishes_the_meetings_that_start_soon_once_and_is_done_when_they_are_published",
        ),
    ),
    Mutation(
        "a run that was wanted meanwhile does not follow",
        "lost",
        "services/sync/runs/outcome.py::conclude",
        Replace("await queue.enqueue(connection, [RunRequest(ended.account_id, ended.kind, ended.again)])", ""),
        (f"{SYNC}/test_sync_run_ends.py::test_what_was_wanted_meanwhile_follows_a_run_that_ended_well",),
    ),
    Mutation(
        "a worker forgets what was requested while it looked",
        "lost",
        "services/sync/runs/worker.py::Worker.keep_running",
        Swap("queue.forget_wakes()", "acquired = await self._acquire(holder, self._capacity())"),
        (f"{SYNC}/test_sync_worker.py::test_what_was_requested_while_it_looked_is_looked_for_at_once",),
    ),
    Mutation(
        "of messages with one place in the queue some are skipped",
        "lost",
        "services/sync/store/ledger.py::list_pending",
        InText("FETCH FIRST ($3) ROWS WITH TIES", "LIMIT $3"),
        (f"{SYNC}/test_sync_mail.py::test_messages_that_one_change_touched_are_all_read_however_many",),
    ),
    Mutation(
        "a message that came back is not fetched",
        "lost",
        "services/sync/store/ledger.py::add_listed",
        InText("ELSE messages.state END RETURNING", "ELSE messages.state END WHERE false RETURNING"),
        (
            f"{SYNC}/test_sync_store_ledger.py::test_what_is_listed_is_pending_in_the_order_of_the_list_and_only_what_was_hidden_comes_back",
        ),
    ),
    Mutation(
        "the addresses of an account are known before they are published",
        "lost",
        "services/sync/mail/sync.py::identify",
        Swap(
            "await run.engine.bus.publish(...)",
            "async with run.writing_account() as connection:\n"
            "    await accounts.set_aliases(connection, run.lease.account_id, aliases)\n"
            "    renewed = await accounts.get_account(connection, run.lease.account_id)",
        ),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_run_that_loses_its_lease_or_the_bus_writes_nothing_more_and_who_goes_on_ends_where_it_would_have[first_mail]",
        ),
    ),
    Mutation(
        "a look that met an outage is over",
        "lost",
        "services/sync/runs/worker.py::Worker._work",
        Replace(
            "error is None and lease.reason in QUIET_WHEN_WELL and await self._deleted(lease)",
            "lease.reason in QUIET_WHEN_WELL and await self._deleted(lease)",
        ),
        (f"{SYNC}/test_sync_run_ends.py::test_an_outage_puts_the_run_off_and_it_is_known_since_when",),
    ),
    Mutation(
        "a listing that was cut short counts as one that reached its end",
        "lost",
        "services/sync/mail/listing.py::widen",
        Replace(
            "None if cursor.listing else rules.since(run.now, cursor.lookback_days)",
            "rules.since(run.now, cursor.lookback_days)",
        ),
        (
            f"{SYNC}/test_sync_lost_leases.py::test_a_longer_lookback_lists_everything_again_where_a_shorter_one_was_not_listed_to_its_end",
        ),
    ),
    Mutation(
        "an outbox row that is deleted before its event is out",
        "lost",
        "libs/common/outbox.py::relay",
        Replace(
            "settled = await asyncio.gather(...)",
            'await pool.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows]); '
            "settled = await asyncio.gather(*(_settle(bus, row) for row in rows))",
        ),
        (f"{OUTBOX}::test_a_row_is_there_until_the_stream_has_its_event",),
    ),
    Mutation(
        "an event that is added while the outbox is relayed waits for the next turn",
        "lost",
        "libs/common/outbox.py::keep_relaying",
        Swap("pending.clear()", "await bus.run_guarded(lambda: relay(pool, bus))"),
        (f"{OUTBOX}::test_what_is_added_while_others_are_published_does_not_wait_for_the_next_turn",),
    ),
    Mutation(
        "a message that is off the stream before its dead letter is stored",
        "lost",
        "libs/common/bus/delivery.py::Delivery._dead_letter",
        Swap(
            "if not self.event.is_hint:\n    await store_letter(client, self.service, letter)", "await message.term()"
        ),
        (f"{SETTLING}::test_a_message_stays_in_the_stream_until_its_dead_letter_is_stored",),
    ),
    Mutation(
        "a dead letter that the stream refused passes for stored",
        "lost",
        "libs/common/bus/publishing.py::_store",
        Replace('orjson.loads(reply.data).get("error")', "{}"),
        (f"{SETTLING}::test_a_message_stays_in_the_stream_until_its_dead_letter_is_stored",),
    ),
    Mutation(
        "who stops keeps what it has not begun",
        "lost",
        "libs/common/bus/pull.py::_return_undelivered",
        Replace("await message.nak()", ""),
        (f"{SETTLING}::test_who_stops_returns_at_once_what_it_has_not_begun",),
    ),
    Mutation(
        "a sync that is accepted and never requested",
        "lost",
        "services/gateway/api/accounts.py::sync_account",
        Replace("await call.context.bus.publish(...)", ""),
        (f"{EDGES}::test_a_yes_is_given_when_the_bus_has_it_and_not_before",),
    ),
    Mutation(
        "a notification of Gmail's that is confirmed before the bus has it",
        "lost",
        "services/gateway/api/google_push.py::receive_gmail_push",
        Replace("await context.bus.publish(...)", ""),
        (f"{PUSH}::test_what_the_bus_does_not_have_is_not_confirmed",),
    ),
    Mutation(
        "a dead letter that is removed before it is published again",
        "lost",
        "libs/local/dead.py::replay",
        Swap("await js.publish(...)", "await js.delete_msg(...)"),
        (f"{LETTERS}::test_a_letter_that_can_not_be_published_again_stays",),
    ),
    Mutation(
        "an old letter that is removed before it is stored under its new subject",
        "lost",
        "libs/local/dead.py::address_old_letters",
        Swap("await js.publish(...)", "await js.delete_msg(...)"),
        (f"{LETTERS}::test_an_old_letter_is_there_until_it_is_stored_under_its_new_subject",),
    ),
    Mutation(
        "a webhook call is given up while the settings can not be looked up",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender._deliver",
        Replace(
            "await store.return_delivery(self.db, delivery, SETTINGS_RETRY_DELAY)",
            "await store.postpone_delivery(self.db, delivery, SETTINGS_RETRY_DELAY)",
        ),
        (f"{SAFETY}::test_while_the_settings_can_not_be_looked_up_no_attempt_is_used_up",),
    ),
    Mutation(
        "a notification that comes while webhooks are called waits for the next look",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender.keep_sending",
        Swap("self._woken.clear()", "await self.bus.run_guarded(self.send_due)"),
        (f"{WLOOP}::test_what_is_notified_of_while_calls_are_made_does_not_wait_for_the_next_look",),
    ),
    Mutation(
        "a service that leaves the bus before what it opened is closed",
        "lost",
        "libs/common/service.py::started",
        Swap("stack.push_async_callback(resources.bus.stop)", "await stack.enter_async_context(resources.stack)"),
        (f"{LIFE}::test_a_service_ends_in_the_order_in_which_its_parts_need_each_other",),
    ),
    Mutation(
        "a copy of the accounts that is compared on its first page alone",
        "lost",
        "libs/common/account_states.py::pages_of_states",
        Replace("if after is None:\n    return", "return"),
        (f"{COMPARISON}::test_every_account_of_every_page_is_compared_and_what_was_missed_is_applied",),
    ),
    Mutation(
        "a state that was read too early rolls an account back",
        "lost",
        "libs/common/account_states.py::compare_states",
        Replace("await get_state(bus, state.id) or state", "state"),
        (f"{COMPARISON}::test_a_state_that_was_read_before_the_last_event_rolls_nothing_back",),
    ),
    Mutation(
        "a migration that leaves streams as they are",
        "lost",
        "libs/local/streams.py::_declare_stream",
        Replace("await js.update_stream(config)", ""),
        (f"{MIGRATE}::test_a_migration_gives_streams_and_consumers_the_settings_that_they_should_have",),
    ),
    Mutation(
        "an edited contact that is not the user's from then on",
        "lost",
        "services/contacts/store/contact_edits.py::update_edited_fields",
        InText("SET pinned = true", "SET pinned = pinned"),
        (f"{CONTACTS}_accounts.py::test_no_rule_takes_a_contact_that_the_user_made_edited_or_invited",),
    ),
    Mutation(
        "an address taken off that the next import puts back",
        "lost",
        "services/contacts/store/contact_edits.py::replace_emails",
        InText("position = NULL, barred = true", "position = NULL"),
        (f"{CONTACTS}_typed_fields.py::test_every_typed_field_survives_every_import_and_the_others_follow_it",),
    ),
    Mutation(
        "phones taken off that are not remembered",
        "lost",
        "services/contacts/domain/contact_edits.py::edited_fields",
        Replace('values["dropped_phones"] = tuple(sorted(dropped))', ""),
        (f"{CONTACTS}_typed_fields.py::test_every_typed_field_survives_every_import_and_the_others_follow_it",),
    ),
    Mutation(
        "a merge that leaves a card behind",
        "lost",
        "services/contacts/merges.py::merge",
        Replace("await move_belongings(...)", ""),
        (f"{CONTACTS}_merges.py::test_a_card_that_nothing_but_its_contact_leads_to_goes_along_and_comes_back",),
    ),
    Mutation(
        "a merge that is not on record",
        "lost",
        "services/contacts/merges.py::merge",
        Replace("await merges.insert_merge(...)", ""),
        (
            f"{CONTACTS}_merges.py::test_a_merge_brings_everything_together_and_its_undoing_takes_everything_apart_again",
        ),
    ),
    Mutation(
        "an undone merge that leaves everything where it was",
        "lost",
        "services/contacts/merges.py::undo",
        Replace("await move_belongings(...)", ""),
        (
            f"{CONTACTS}_merges.py::test_a_merge_brings_everything_together_and_its_undoing_takes_everything_apart_again",
        ),
    ),
    Mutation(
        "an undone merge that gives nothing back of what came since",
        "lost",
        "services/contacts/merges.py::undo",
        Replace("await list_returning(connection, record, later)", "record.belongings"),
        (f"{CONTACTS}_undo.py::test_what_came_since_goes_where_it_belongs_and_that_can_be_read_before",),
    ),
    Mutation(
        "a merge undone below another one that keeps what it brought",
        "lost",
        "services/contacts/merges.py::_restored",
        Replace("await merges.update_fields(...)", ""),
        (f"{CONTACTS}_undo.py::test_a_merge_below_others_is_undone_as_if_it_had_never_been",),
    ),
    Mutation(
        "an undone merge that takes what came with somebody else since",
        "lost",
        "services/contacts/returns.py::_find_returning",
        Replace(
            "frozenset(record.belongings.address_ids) - came_with_others", "frozenset(record.belongings.address_ids)"
        ),
        (f"{CONTACTS}_undo.py::test_an_address_that_came_with_somebody_else_since_goes_with_them",),
    ),
    Mutation(
        "merges that do not know renamed cards",
        "lost",
        "services/contacts/handlers/cards.py::_import_latest",
        Replace("await merges.add_renamed_card(...)", "pass"),
        (f"{CONTACTS}_undo.py::test_a_card_that_google_renamed_since_goes_back_all_the_same",),
    ),
    Mutation(
        "changes of contacts that are not published",
        "lost",
        "services/contacts/context.py::Context.change_users",
        Replace("await self.publish_changed(changed)", ""),
        (f"{CONTACTS}_published.py::test_whatever_changes_a_contact_publishes_exactly_whose_after_it_is_committed",),
    ),
    Mutation(
        "changes of contacts that are published before their commit",
        "lost",
        "services/contacts/context.py::Context.change_users",
        Replace(
            "changed = await work(connection, free) if free else {}",
            "changed = await work(connection, free); await self.publish_changed(changed)",
        ),
        (f"{CONTACTS}_published.py::test_whatever_changes_a_contact_publishes_exactly_whose_after_it_is_committed",),
    ),
    Mutation(
        "an address that becomes mine of which nothing follows",
        "lost",
        "services/contacts/own_addresses.py::change_own_addresses",
        Replace("await insert_rechecks(...)", ""),
        (f"{CONTACTS}_mail.py::test_an_address_that_becomes_mine_turns_its_mail_outbound",),
    ),
    Mutation(
        "a purged account whose contacts are not looked at again",
        "lost",
        "services/contacts/account_purge.py::_remove_observations",
        Replace("await insert_rechecks(...)", ""),
        (f"{CONTACTS}_mail.py::test_purging_an_account_takes_what_only_it_saw",),
    ),
    Mutation(
        "a deleted contact that takes logged mail of others along",
        "lost",
        "services/contacts/store/contact_edits.py::delete_contact",
        InText("AND p.role = 'other'", ""),
        (
            f"{CONTACTS}_purge.py::test_a_deleted_contact_leaves_mail_that_was_logged_under_its_hash_to_the_others_on_it",
        ),
    ),
    Mutation(
        "a card that Google merged, without what it was before",
        "lost",
        "services/contacts/store/cards.py::upsert_cards",
        InText("former = excluded.former,", ""),
        (f"{CONTACTS}_imports.py::test_each_rule_of_the_import",),
    ),
    Mutation(
        "a dismissed card that dismisses the one it became part of",
        "lost",
        "services/contacts/store/cards.py::dismiss_renamed",
        InText("AND k.contact_id IS NULL", ""),
        (f"{CONTACTS}_purge.py::test_a_dismissed_card_that_becomes_part_of_another_does_not_dismiss_that",),
    ),
    Mutation(
        "the cursor of history moved before its changes are applied",
        "lost",
        "services/sync/mail/history.py::follow",
        Replace(
            "if changes := touched(found.changes):\n    await _apply(run, changes)",
            "await save_cursor(run, replace(cursor, history_id=max(newest, found.history_id or 0)))\n"
            "        if changes := touched(found.changes):\n            await _apply(run, changes)",
        ),
        _life("history-fails"),
    ),
    Mutation(
        "the listing's place saved before its page",
        "lost",
        "services/sync/mail/listing.py::_list_mailbox",
        Replace(
            "async with run.writing() as connection:\n"
            "    new = await ledger.add_listed(...)\n"
            '    await reached("sync.listing.added")\n'
            "    await _save_listed(run, connection, cursor, frontier)",
            "async with run.writing() as connection:\n"
            "                await _save_listed(run, connection, cursor, frontier)\n"
            "            async with run.writing() as connection:\n"
            "                new = await ledger.add_listed(\n"
            "                    connection, account_id, page.messages, position, cursor.generation)\n"
            '                await reached("sync.listing.added")',
        ),
        _life("first_mail-fails"),
    ),
    Mutation(
        "messages settled in the ledger before they are published",
        "lost",
        "services/sync/mail/recording.py::_record",
        Swap("await run.engine.bus.publish(...)", "await run.settle(...)"),
        _life("first_mail-fails"),
    ),
    Mutation(
        "removals written down before they are published",
        "lost",
        "services/sync/mail/history.py::remove_messages",
        Swap(
            "await publish_removals(run, removals)",
            "async with run.step() as step:\n"
            "    removed = await ledger.remove(step.connection, run.lease.account_id, removals)\n"
            "    await ledger.add_hidden(step.connection, run.lease.account_id, hidden)\n"
            "    step.count(Tally(removed=removed))",
        ),
        _life("history-fails"),
    ),
    Mutation(
        "aliases stored before they are published",
        "lost",
        "services/sync/mail/sync.py::identify",
        Swap(
            "await run.engine.bus.publish(...)",
            "async with run.writing_account() as connection:\n"
            "    await accounts.set_aliases(connection, run.lease.account_id, aliases)\n"
            "    renewed = await accounts.get_account(connection, run.lease.account_id)",
        ),
        _life("first_mail-fails"),
    ),
    Mutation(
        "cards marked as published before they are",
        "lost",
        "services/sync/people.py::_keep",
        Replace(
            'await reached("sync.people.stored")',
            "async with run.writing() as connection:\n"
            "        await people.mark_people_published(\n"
            "            connection, account_id, {name: revision for name, (revision, _) in unpublished.items()})\n"
            '    await reached("sync.people.stored")',
        ),
        _life("first_items-fails"),
    ),
    Mutation(
        "deleted cards marked as published before they are",
        "lost",
        "services/sync/people.py::_publish_deletions",
        Swap(
            "await run.engine.bus.publish(...)",
            "async with run.step() as step:\n"
            "    await people.mark_people_published(step.connection, run.lease.account_id, gone)\n"
            "    step.count(Tally(removed=len(gone)))",
        ),
        _life("cards-fails"),
    ),
    Mutation(
        "meetings marked as published before they are",
        "lost",
        "services/sync/calendar/sync.py::_publish_changes",
        Replace(
            'await reached("sync.calendar.found")',
            "async with run.writing() as connection:\n"
            "            await meetings.mark_meetings_published(\n"
            "                connection, {change.meeting.meeting_id: change.meeting.revision for change in unpublished})\n"
            '        await reached("sync.calendar.found")',
        ),
        _life("meetings-fails"),
    ),
    Mutation(
        "older mail that contacts lack is not published again",
        "lost",
        "services/sync/mail/audit.py::_settle",
        Replace("await run.engine.bus.publish(*events)", ""),
        _life("audit_of_older_mail-fails"),
    ),
    Mutation(
        "Pub/Sub acknowledged before the bus has it",
        "lost",
        "services/sync/mail/push.py::pull_notifications",
        Swap("await bus.publish(...)", "await subscription.acknowledge(...)"),
        _life("push-fails"),
    ),
    Mutation(
        "a push of Gmail's confirmed without having been published",
        "lost",
        "services/gateway/api/google_push.py::receive_gmail_push",
        Replace("await context.bus.publish(...)", ""),
        _life("push-fails"),
    ),
    Mutation(
        "a meeting that is read once more counts once more",
        "twice",
        "services/sync/store/meetings.py::upsert_meetings",
        InText("WHERE before.revision IS NULL", "WHERE written.revision = 1"),
        _life("first_items-fails"),
    ),
    Mutation(
        "the outbox row deleted before the event is out",
        "lost",
        "libs/common/outbox.py::relay",
        InText(
            "SELECT id, subject, payload, trace FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT $2)"
            " RETURNING id, subject, payload, trace",
        ),
        _life("calendars-fails"),
    ),
    Mutation(
        "what a crash left in the outbox is not published at the start",
        "lost",
        "libs/common/outbox.py::keep_relaying",
        Replace("await bus.run_guarded(...)", "pass"),
        _life("calendars-fails"),
    ),
    Mutation(
        "the end of a run and its event in two transactions",
        "lost",
        "services/sync/runs/outcome.py::conclude",
        Replace("queue.transaction(run.db)", "run.db.acquire()"),
        _life("first_items-fails"),
    ),
    Mutation(
        "settings and their event in two transactions",
        "lost",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("connection.transaction()", "context.db.acquire()"),
        _life("calendars-fails"),
    ),
    Mutation(
        "the end of a permission and its event in two transactions",
        "lost",
        "services/auth/token_refresh.py::_require_reauth",
        Replace("connection.transaction()", "context.db.acquire()"),
        _life("permission-fails"),
    ),
    Mutation(
        "the deletion of a user and its event in two transactions",
        "lost",
        "services/auth/handlers/users.py::delete_user",
        Replace("connection.transaction()", "context.db.acquire()"),
        _life("deletion-fails"),
    ),
    Mutation(
        "a brief that was sent and its event in two transactions",
        "lost",
        "services/prep/outcomes.py::record_sent",
        Replace("connection.transaction()", "context.db.acquire()"),
        (f"{PREP_ATTEMPTS}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "an event acknowledged before it is handled",
        "lost",
        "libs/common/bus/delivery.py::Delivery._deliver_single",
        Replace("await self._handle([event])", "await message.ack()\n                await self._handle([event])"),
        _life("calendars-fails"),
    ),
    Mutation(
        "an account stored and its runs requested in two transactions",
        "lost",
        "services/sync/handlers/accounts.py::connect",
        Replace("context.queue.transaction(context.db)", "context.db.acquire()"),
        _life("first_mail-fails"),
    ),
    Mutation(
        "what an earlier try of a change of settings left is not gone on with",
        "lost",
        "services/contacts/handlers/settings.py::change_settings",
        Replace(
            "await work_off_rechecks(context, event.user_id)",
            "if newer:\n        await work_off_rechecks(context, event.user_id)",
        ),
        _life("settings-fails"),
    ),
    Mutation(
        "an offer marked as published before it is",
        "lost",
        "services/contacts/bcc_offers.py::publish_offers",
        Swap(
            "await context.publish(_event(offer))",
            "async with context.db.acquire() as connection:\n"
            "    await bcc_offers.mark_published(connection, offer, now)",
        ),
        _life("offer-fails"),
    ),
    Mutation(
        "a notification and its webhook call in two transactions",
        "lost",
        "services/gateway/handlers/notifications.py::notify",
        Replace("connection.transaction()", "context.db.acquire()"),
        _life("brief-fails"),
    ),
    Mutation(
        "a webhook call forgotten before it is made",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender._deliver",
        Replace(
            "failure = await self._post(str(url), secrets, delivery)",
            "await store.delete_delivery(self.db, notification_id)\n"
            "        failure = await self._post(str(url), secrets, delivery)",
        ),
        _life("brief-fails"),
    ),
    Mutation(
        "a refresh of a token that its holder's death has left is nobody's",
        "lost",
        "services/auth/store/access_tokens.py::acquire_lease",
        InText("AND (refresh_until IS NULL OR refresh_until <= now())", "AND refresh_until IS NULL"),
        _life("permission-dies"),
    ),
    Mutation(
        "a brief is settled though its event is lost",
        "lost",
        "services/prep/outcomes.py::record_sent",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_ATTEMPTS}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
    ),
    Mutation(
        "abandoned briefs fail without their notification",
        "lost",
        "services/prep/outcomes.py::fail_abandoned",
        Replace("connection.transaction()", '__import__("contextlib").nullcontext()'),
        (f"{PREP_ATTEMPTS}::test_a_brief_is_settled_together_with_its_event_or_not_at_all",),
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
        "a sign-in without a new refresh token ends the account",
        "lost",
        "services/auth/store/accounts.py::update_grant",
        InText("refresh_token = coalesce($7, refresh_token),", "refresh_token = $7,"),
        (f"{AUTH_LINKING}::test_signing_in_again_keeps_what_google_did_not_give_again",),
    ),
    Mutation(
        "an attempt at a brief that failed never comes back",
        "lost",
        "services/prep/briefing.py::brief_once",
        Replace("raise Throttled(str(error), _retry_pause(error, stored)) from error", "return"),
        (f"{PREP_ATTEMPTS}::test_an_attempt_that_failed_for_now_frees_the_brief_and_comes_back",),
    ),
    Mutation(
        "a brief by hand that was cut off is never failed",
        "lost",
        "services/prep/store/preps.py::list_abandoned",
        InText("AND (by_hand OR starts_at < now() + $2::interval)", "AND starts_at < now() + $2::interval"),
        (f"{PREP_ROWS}::test_a_brief_is_abandoned_when_nobody_can_come_back_to_it",),
    ),
    Mutation(
        "what a crash left in prep's outbox stays there",
        "lost",
        "services/prep/__main__.py::wire",
        Replace('r.run_in_background("outbox", partial(outbox.keep_relaying, r.db, r.bus))', ""),
        (f"{PREP_SERVICE}::test_what_a_crash_left_in_the_outbox_is_published_soon",),
    ),
    Mutation(
        "what an answer of Claude that is of no use has cost is forgotten",
        "lost",
        "services/prep/writing.py::write_talking_points",
        Replace("error.usage", "Usage()"),
        ("tests/unit/prep/test_prep_writing.py::test_a_brief_states_who_wrote_its_points_and_what_they_cost",),
    ),
    Mutation(
        "an audit that meets an outage of Gmail's goes on without what it could not look at",
        "lost",
        "services/sync/mail/audit.py::_pass_over",
        Replace(
            "throttled or not await is_giving_out(run, besides=[suspect.gmail_id for suspect in suspects])", "throttled"
        ),
        (f"{SUSPECTS}::test_where_gmail_is_away_the_audit_pauses_and_settles_nothing",),
    ),
    Mutation(
        "a message that Gmail never gives out keeps every audit from its end",
        "lost",
        "services/sync/mail/audit.py::_pass_over",
        Replace(
            "throttled or not await is_giving_out(run, besides=[suspect.gmail_id for suspect in suspects])", "True"
        ),
        (f"{SUSPECTS}::test_a_message_for_which_alone_gmail_gives_an_error_stays_and_the_others_are_settled",),
    ),
    Mutation(
        "an audit judges Gmail by the very messages that it gives errors for",
        "lost",
        "services/sync/mail/audit.py::_pass_over",
        Replace("is_giving_out(run, besides=[suspect.gmail_id for suspect in suspects])", "is_giving_out(run)"),
        (f"{SUSPECTS}::test_a_gmail_that_gives_errors_for_the_newest_messages_is_judged_by_another",),
    ),
    Mutation(
        "a poll that is cut off is the last one",
        "lost",
        "services/sync/handlers/schedules.py::keep_polling",
        Replace("await context.bus.run_guarded(lambda: poll_due(context, every))", "await poll_due(context, every)"),
        ("tests/unit/sync/test_sync_loops.py::test_a_loop_does_its_work_again_and_again_whatever_comes_of_it",),
    ),
    Mutation(
        "a message for which a batch has no response is taken for gone",
        "lost",
        "libs/common/google/batch_get.py::_read",
        Replace(
            'Outage("Google did not answer a part of the batch.")', 'Gone("Google did not answer a part of the batch.")'
        ),
        ("tests/unit/google_edge/test_google_edge_requests.py::test_a_part_without_a_response_is_an_outage",),
    ),
    Mutation(
        "a change that asks for less ends the walk through an address's interactions",
        "lost",
        "services/contacts/store/rechecks.py::insert_rechecks",
        InText("WHERE r.stage < excluded.stage OR excluded.stage = 3", ""),
        (
            f"{CONTACTS}_rechecks.py::test_an_address_that_is_due_already_keeps_the_higher_stage_and_a_walk_begins_anew_where_it_is_wanted_again",
        ),
    ),
    Mutation(
        "a dismissal is forgotten",
        "lost",
        "services/contacts/store/waiting.py::list_unanswered",
        InText("AND i.dismissed_at IS NULL", ""),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_what_is_dismissed_waits_no_more_until_they_write_again",
        ),
    ),
    Mutation(
        "a timeline that was fetched anew loses where it goes on",
        "lost",
        "services/contacts/handlers/timelines.py::get_timeline",
        Replace("next_cursor or query.down_to", "next_cursor"),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_a_timeline_is_cut_where_now_is_and_reaches_down_to_where_it_was_read",
        ),
    ),
    Mutation(
        "a broadcast is not kept for integrations",
        "lost",
        "libs/common/bus/payloads.py::copies_for_integrations",
        Replace("type(event) in OFFERED", "type(event) in OFFERED and (not message.broadcast)"),
        (
            "tests/integration/common/test_integrations.py::test_an_integration_gets_what_it_was_given_of_whom_it_was_given_and_nothing_else",
        ),
    ),
    Mutation(
        "the backlog of an abandoned integration is forgotten without a word",
        "lost",
        "libs/common/integrations.py::missed_with",
        Replace("earlier + backlog.events", "earlier"),
        ("tests/unit/common/test_integration_rules.py",),
    ),
)
