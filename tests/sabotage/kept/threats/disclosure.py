"""To read what is not one's own, to stop others, and to be allowed more."""

from tests.sabotage.mutation import InText, Mutation, Replace

NATS = "tests/integration/common/test_nats_permissions.py"
LIMITS = "tests/integration/gateway/test_gateway_request_limits.py"
FILES = "tests/unit/common/test_secret_files.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "others on the machine read passwords and keys",
        "private",
        "libs/local/private_file.py::write_private",
        Replace("0o600", "0o644"),
        ("tests/unit/local/test_local_secrets.py::test_the_file_is_written_once_and_only_its_owner_may_read_it",),
    ),
    Mutation(
        "others on the machine read a password in the list of processes",
        "private",
        "libs/local/servers/postgres.py::Postgres.command",
        Replace("{**self.options, **listening}", '{**self.options, **listening, "cluster_name": self.password}'),
        (
            "tests/integration/local/test_local_up.py::test_no_password_and_no_key_is_in_the_list_of_processes_or_in_a_log",
        ),
    ),
    Mutation(
        "a secret that came from a file is in the environment of a service",
        "private",
        "libs/common/config/secret_files.py::without_adopted",
        Replace("name not in adopted", "True"),
        (
            f"{FILES}::test_a_service_that_the_command_becomes_has_the_names_of_the_files_in_its_environment_and_no_secret",
        ),
    ),
    Mutation(
        "of a secret that is set twice the one in the file counts",
        "edges",
        "libs/common/config/secret_files.py::with_secret_files",
        Replace("environment.get(name)", "None"),
        (f"{FILES}::test_both_a_value_and_a_file_or_a_file_that_is_not_there_end_a_process_with_a_sentence_each",),
    ),
    Mutation(
        "what a deleted user said stays in dead letters",
        "private",
        "services/contacts/handlers/accounts.py::delete_user",
        Replace("await context.purge_dead_letters(event.user_id)", ""),
        (
            "tests/integration/common/test_dead_letter_purge.py"
            "::test_when_a_user_is_deleted_their_dead_letters_of_all_services_go",
        ),
    ),
    Mutation(
        "a service listens to everything on the bus",
        "private",
        "libs/common/topology.py::permissions",
        Replace('f"{inbox_prefix(service)}.>"', '">"'),
        (f"{NATS}::test_a_user_can_subscribe_neither_to_the_inboxes_of_others_nor_to_everything",),
    ),
    Mutation(
        "replies to commands lie in Redis as they are",
        "private",
        "libs/common/idempotency.py::CommandKey.seal",
        Replace("AESGCM(self._digest('seal')).encrypt(nonce, reply, self.name.encode())", "reply"),
        ("tests/integration/common/test_bus_commands.py::test_redis_holds_nothing_that_can_be_read",),
    ),
    Mutation(
        "the model reads private notes",
        "private",
        "services/prep/domain/prompt.py::_given_person",
        Replace("tuple(past for past in person.interactions if not past.is_note)", "person.interactions"),
        ("tests/unit/prep/test_prep_points.py::test_a_note_does_not_reach_the_model_between_mails_either",),
    ),
    Mutation(
        "pages have their style from another host, which learns who reads them",
        "private",
        "services/gateway/pages/templates/layout.html",
        InText("{{ static('style.css') }}", "https://styles.example/style.css"),
        (
            "tests/integration/gateway/test_gateway_sign_in.py"
            "::test_pages_call_no_other_host_and_static_files_are_kept_for_ever",
        ),
    ),
    Mutation(
        "a text of blanks keeps the brief's writer busy for minutes",
        "edges",
        "services/prep/domain/clean.py::_URL",
        InText(r"(?:\b[a-z][a-z0-9+.-]{1,15}://", r"(?:\s*[a-z][a-z0-9+.-]{1,15}://"),
        ("tests/unit/common/test_linear_time.py::test_every_expression_takes_time_in_proportion_to_the_text",),
    ),
    Mutation(
        "what can't be read counts as filtered, and nobody hears of it",
        "lost",
        "services/sync/domain/fetching.py::fetch_outcome",
        Replace(
            'Settled(wanted.gmail_id, "set_aside", wanted.revision, reason=reason)',
            'Settled(wanted.gmail_id, "filtered", wanted.revision, reason=reason)',
        ),
        (
            "tests/integration/sync/test_sync_mail.py"
            "::test_messages_that_cannot_be_read_are_set_aside_and_the_others_go_on",
        ),
    ),
    Mutation(
        "a replica that is busy loses its runs to another",
        "twice",
        "services/sync/runs/leases.py::HeldLeases._keep_renewing",
        Replace("self._renewable(begun)", "[]"),
        ("tests/integration/sync/test_stalled_runs.py::test_a_stall_of_three_leases_leaves_every_run_with_its_holder",),
    ),
    Mutation(
        "a user may send as many requests as they like",
        "edges",
        "services/gateway/limits/api_requests.py::take_api_request",
        Replace("not ceiling", "True"),
        (
            "tests/integration/gateway/test_gateway_limits.py"
            "::test_a_user_who_sends_too_many_requests_waits_and_nobody_else_does",
        ),
    ),
    Mutation(
        "who sends a body slowly is waited for without end",
        "edges",
        "services/gateway/middlewares.py::_give_up",
        Replace("not request.content.is_eof()", "False"),
        (f"{LIMITS}::test_what_is_too_much_or_too_slow_is_refused_with_its_reason",),
    ),
    Mutation(
        "who announces ten gigabytes is waited for",
        "edges",
        "services/gateway/middlewares.py::limit_bodies",
        Replace("(request.content_length or 0) > request.client_max_size", "False"),
        (f"{LIMITS}::test_what_is_too_much_or_too_slow_is_refused_with_its_reason",),
    ),
    Mutation(
        "who connects and sends nothing is kept for an hour",
        "edges",
        "libs/common/web.py::_Connection._end_without_request",
        Replace("self._request_count == 0", "False"),
        (f"{LIMITS}::test_who_connects_and_sends_no_request_is_let_go_and_who_has_sent_one_stays",),
    ),
    Mutation(
        "first imports leave no room for new mail",
        "edges",
        "services/sync/domain/capacity.py::Capacity.beside",
        Replace("max(min(MAX_INITIAL_MAIL - initial_mail, at_once), 0)", "at_once"),
        ("tests/unit/sync/test_sync_engine.py::test_first_imports_leave_capacity_for_incremental_runs",),
    ),
    Mutation(
        "a service is the clock of the others",
        "others",
        "libs/common/topology.py::permissions",
        Replace('publish.append(f"dead.{service}.>")', 'publish.append("clock.>")'),
        ("tests/integration/common/test_wiring.py::test_nobody_may_publish_what_only_the_clock_publishes",),
    ),
    Mutation(
        "a service has another one delete a user, by way of a dead letter",
        "others",
        "libs/common/bus/delivery.py::Delivery.handle_again",
        Replace("self.event.outlives_purge", "False"),
        (
            "tests/integration/gateway/test_gateway_operations.py"
            "::test_no_service_orders_another_to_delete_or_to_do_what_an_integration_may_not",
        ),
    ),
    Mutation(
        "a service writes dead letters in the name of others",
        "others",
        "libs/common/topology.py::permissions",
        Replace('f"dead.{service}.>"', '"dead.>"'),
        (f"{NATS}::test_a_user_cannot_touch_streams_consumers_schedules_or_dead_letters_of_others",),
    ),
)
