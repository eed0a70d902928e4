"""Nothing twice, in the API, the pages, notifications and webhooks (`gateway`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

STORE = "tests/integration/gateway/test_gateway_store.py"
COUNTING = "tests/integration/gateway/test_gateway_counting.py"
EXPORT = "tests/integration/gateway/test_gateway_export.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a webhook call that two senders make",
        "twice",
        "services/gateway/store/webhook_deliveries.py::lease_due_deliveries",
        InText("due_at = now() + $1", "due_at = now() + $1 * 0"),
        (f"{STORE}::test_a_call_is_one_sender_s_until_its_lease_ends",),
    ),
    Mutation(
        "a gateway whose clock is ahead takes the calls of another",
        "twice",
        "services/gateway/webhook_delivery/due_calls.py::lease_contacts_calls",
        Replace("await get_time(connection)", "await get_time(connection) + timedelta(hours=1)"),
        (
            "tests/integration/gateway/test_gateway_webhook_contacts.py"
            "::test_calls_are_leased_and_put_off_by_the_clock_of_the_database",
        ),
    ),
    Mutation(
        "a webhook sender that comes late takes the call from the one who has it",
        "twice",
        "services/gateway/store/webhook_deliveries.py::postpone_delivery",
        InText("AND due_at = $2", "AND $2::timestamptz IS NOT NULL"),
        (f"{STORE}::test_a_sender_that_comes_late_does_not_take_the_call_from_the_one_who_has_it",),
    ),
    Mutation(
        "a sender of calls about contacts that comes late takes the call from the one who has it",
        "twice",
        "services/gateway/store/webhook_contacts.py::postpone_contacts",
        InText("AND due_at = $2", "AND $2::timestamptz IS NOT NULL"),
        (
            "tests/integration/gateway/test_gateway_webhook_contacts.py"
            "::test_who_comes_late_changes_nothing_and_what_was_not_made_uses_up_no_attempt",
        ),
    ),
    Mutation(
        "runs that share a notification and end at once overwrite each other's counts",
        "twice",
        "services/gateway/store/notifications.py::_add_to_earlier",
        InText("FOR UPDATE", ""),
        (f"{STORE}::test_runs_that_share_a_notification_and_end_at_once_are_both_counted",),
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
        "a note that is sent again is another note",
        "twice",
        "services/gateway/meeting_notes.py::write_note",
        Replace('f"{thread}:{contact_id}"', "None"),
        (
            "tests/integration/gateway/test_gateway_pages_lived_in.py::test_one_note_after_a_meeting_stands_on_the_timeline_of_every_guest_and_is_one_however_often_it_is_sent",
        ),
    ),
    Mutation(
        "a code of an assistant that is exchanged again",
        "twice",
        "services/gateway/assistants/authorization.py::_take_grant",
        Replace("context.cache.pop", "context.cache.get"),
        (
            "tests/integration/gateway/test_gateway_assistant_consent.py::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",
        ),
    ),
    Mutation(
        "a question of an assistant that is answered again",
        "twice",
        "services/gateway/assistants/authorization.py::take_request",
        Replace("context.cache.pop", "context.cache.get"),
        (
            "tests/integration/gateway/test_gateway_assistant_consent.py::test_nobody_but_the_user_answers_and_one_answer_counts",
        ),
    ),
    Mutation(
        "a replica that lost an export begins it anew",
        "twice",
        "services/gateway/store/exports.py::begin",
        InText("AND claims = $2", "AND $2::int > 0"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it[begin]",
        ),
    ),
    Mutation(
        "an export with the pieces of the try before",
        "twice",
        "services/gateway/store/exports.py::begin",
        InText("WHERE export_id = $1 AND $2", "WHERE export_id = $1 AND $2 AND false"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_an_export_that_is_begun_anew_or_fails_has_nothing_of_the_try_before",
        ),
    ),
    Mutation(
        "a replica that lost an export keeps its holder's lease",
        "twice",
        "services/gateway/store/exports.py::renew",
        InText("AND claims = $2", "AND $2::int > 0"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it[renew]",
        ),
    ),
    Mutation(
        "a replica that lost an export returns it for its holder",
        "twice",
        "services/gateway/store/exports.py::return_claim",
        InText("AND claims = $2", "AND $2::int > 0"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it[return]",
        ),
    ),
    Mutation(
        "a replica that lost an export adds to it",
        "twice",
        "services/gateway/store/exports.py::add_piece",
        InText("AND claims = $2", "AND $2::int > 0"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it[piece]",
        ),
    ),
    Mutation(
        "a replica that lost an export ends it",
        "twice",
        "services/gateway/store/exports.py::finish",
        InText("AND claims = $2", "AND $2::int > 0"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_who_has_lost_an_export_to_another_replica_writes_nothing_of_it[finish]",
        ),
    ),
)
