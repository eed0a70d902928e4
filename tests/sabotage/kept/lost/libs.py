"""Nothing lost, in what every service shares: the bus, the outbox, the edges (`libs`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace, Swap

COMPARISON = "tests/unit/common/test_account_comparison.py"
OPERATIONS = "tests/integration/gateway/test_gateway_operations.py"
LETTERS = "tests/integration/local/test_local_dead_letters.py"
LIFE = "tests/unit/common/test_service_life.py"
OUTBOX = "tests/integration/common/test_outbox.py"
SETTLING = "tests/integration/common/test_bus_settling.py"
MIGRATE = "tests/integration/local/test_local_migrate.py"

MUTATIONS: tuple[Mutation, ...] = (
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
        "who stops while the bus is away goes on looking for it",
        "lost",
        "libs/common/bus/__init__.py::Bus.stop",
        Replace("await self._client.close()", "pass"),
        (f"{SETTLING}::test_who_stops_while_nats_is_away_leaves_in_order_and_looks_for_it_no_more",),
    ),
    Mutation(
        "a dead letter that is removed before it is published again",
        "lost",
        "libs/local/dead.py::replay",
        Swap("await js.publish(...)", "await js.delete_msg(...)"),
        (f"{LETTERS}::test_a_letter_that_can_not_be_published_again_stays",),
    ),
    Mutation(
        "a dead letter that is removed before it was handled again",
        "lost",
        "libs/common/bus/letters.py::DeadLetters.replay",
        Swap("await self._handle(...)", "await self.stream.delete_msg(...)"),
        (f"{OPERATIONS}::test_an_operator_sees_dead_letters_and_has_them_handled_again",),
    ),
    Mutation(
        "an old letter that is removed before it is stored under its new subject",
        "lost",
        "libs/local/dead.py::address_old_letters",
        Swap("await js.publish(...)", "await js.delete_msg(...)"),
        (f"{LETTERS}::test_an_old_letter_is_there_until_it_is_stored_under_its_new_subject",),
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
        "the outbox row deleted before the event is out",
        "lost",
        "libs/common/outbox.py::relay",
        InText(
            "SELECT id, subject, payload, trace FROM outbox WHERE id > $1 ORDER BY id LIMIT $2",
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT $2)"
            " RETURNING id, subject, payload, trace",
        ),
        life("calendars-fails"),
    ),
    Mutation(
        "what a crash left in the outbox is not published at the start",
        "lost",
        "libs/common/outbox.py::keep_relaying",
        Replace("await bus.run_guarded(...)", "pass"),
        life("calendars-fails"),
    ),
    Mutation(
        "an event acknowledged before it is handled",
        "lost",
        "libs/common/bus/delivery.py::Delivery._deliver_single",
        Replace("await self._handle([event])", "await message.ack()\n                await self._handle([event])"),
        life("calendars-fails"),
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
        "a broadcast is not kept for integrations",
        "lost",
        "libs/common/topology.py::KEPT",
        Replace("event not in BROADCAST or event in OFFERED", "event not in BROADCAST"),
        (
            "tests/integration/common/test_integrations.py::test_an_integration_gets_what_it_was_given_of_whom_it_was_given_and_nothing_else",
        ),
    ),
    Mutation(
        "an event is acknowledged before integrations have a copy",
        "lost",
        "libs/common/bus/forwarding.py::Forwarding.deliver",
        Replace("await message.nak(...)", "await message.ack()"),
        (
            "tests/integration/common/test_forwarding.py::test_a_stream_for_integrations_that_takes_nothing_disturbs_nobody_and_loses_nothing",
        ),
    ),
    Mutation(
        "an integration is confirmed before anything is kept for it",
        "lost",
        "libs/local/integrations.py::create_integration",
        Replace(
            "await _forward(...)",
            "asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(forward_events(js)))",
        ),
        (
            "tests/integration/common/test_forwarding.py::test_an_integration_gets_everything_that_is_published_once_its_creation_is_confirmed",
        ),
    ),
    Mutation(
        "an integration that is made while another one is gets nothing",
        "lost",
        "libs/local/integrations.py::locked",
        Replace("not await _created(js, request)", "not await _created(js, request) and False"),
        (
            "tests/integration/common/test_integrations.py::test_integrations_that_are_made_and_revoked_at_one_moment_do_not_forget_each_other",
        ),
    ),
    Mutation(
        "the backlog of an abandoned integration is forgotten without a word",
        "lost",
        "libs/common/integrations.py::missed_with",
        Replace("earlier + backlog.events", "earlier"),
        ("tests/unit/common/test_integration_rules.py",),
    ),
    Mutation(
        "an order to delete that the deletion takes along where an outbox gives it up",
        "lost",
        "libs/common/outbox.py::_set_aside",
        Replace("{} if declared and declared.outlives_purge else read_about(payload)", "read_about(payload)"),
        (
            "tests/integration/common/test_bus_large_messages.py::test_an_event_in_the_outbox_that_can_never_be_published_holds_back_no_other",
        ),
    ),
    Mutation(
        "integrations beyond the first page keep their backlogs",
        "lost",
        "libs/common/bus/backlogs.py::_list_waiting",
        Replace("found += page", "break"),
        (
            "tests/unit/common/test_integration_pages.py::test_the_backlogs_of_integrations_on_later_pages_are_given_up_and_a_stranger_s_consumer_is_left_alone",
        ),
    ),
    Mutation(
        "integrations beyond the first page are not listed",
        "lost",
        "libs/local/integrations.py::list_integrations",
        Replace("found += page", "break"),
        ("tests/unit/common/test_integration_pages.py::test_of_more_integrations_than_a_page_all_are_listed",),
    ),
    Mutation(
        "broadcasts that came too fast were not missed",
        "lost",
        "libs/common/bus/__init__.py::Bus._on_error",
        Replace("self._missed_broadcasts()", ""),
        (
            "tests/unit/common/test_service_life.py::test_broadcasts_that_came_faster_than_they_were_handled_were_missed",
        ),
    ),
)
