"""Nothing lost, in mail out of Gmail (`sync.mail`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace, Swap

SYNC = "tests/integration/sync"
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
        "Pub/Sub is acknowledged before the bus has the notification",
        "lost",
        "services/sync/mail/push.py::pull_notifications",
        Swap("await bus.publish(...)", "await subscription.acknowledge(...)"),
        (f"{SYNC}/test_sync_handlers.py::test_what_the_bus_did_not_take_is_not_acknowledged",),
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
        "the cursor of history moved before its changes are applied",
        "lost",
        "services/sync/mail/history.py::follow",
        Replace(
            "if changes := touched(found.changes):\n    await _apply(run, changes)",
            "await save_cursor(run, replace(cursor, history_id=max(newest, found.history_id or 0)))\n"
            "        if changes := touched(found.changes):\n            await _apply(run, changes)",
        ),
        life("history-fails"),
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
        life("first_mail-fails"),
    ),
    Mutation(
        "messages settled in the ledger before they are published",
        "lost",
        "services/sync/mail/recording.py::_record",
        Swap("await run.engine.bus.publish(...)", "await run.settle(...)"),
        life("first_mail-fails"),
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
        life("history-fails"),
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
        life("first_mail-fails"),
    ),
    Mutation(
        "older mail that contacts lack is not published again",
        "lost",
        "services/sync/mail/audit.py::_settle",
        Replace("await run.engine.bus.publish(*events)", ""),
        life("audit_of_older_mail-fails"),
    ),
    Mutation(
        "Pub/Sub acknowledged before the bus has it",
        "lost",
        "services/sync/mail/push.py::pull_notifications",
        Swap("await bus.publish(...)", "await subscription.acknowledge(...)"),
        life("push-fails"),
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
)
