"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import InText, Mutation, Replace, Swap

_LIVES = "tests/integration/fault_points/test_fault_points.py::test_a_life_with_faults_ends_as_one_without"


def _life(*names: str) -> tuple[str, ...]:
    """The lives, each with a fault at every one of its points, that notice it."""
    return tuple(f"{_LIVES}[{name}]" for name in names)


MUTATIONS: tuple[Mutation, ...] = (
    # --- cursors
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
    # --- what is committed without a message behind it
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
        _life("brief-fails"),
    ),
    # --- handlers
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
)
