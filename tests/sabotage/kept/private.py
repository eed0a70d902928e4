"""Nothing private, nothing silent: logs, errors, metrics, dead letters, traces."""

from tests.sabotage.mutation import InText, Mutation, Replace

EDGES = "tests/integration/gateway/test_gateway_edges.py"
LIFE = "tests/unit/common/test_service_life.py"
OUTBOX = "tests/integration/common/test_outbox.py"
SETTLING = "tests/integration/common/test_bus_settling.py"
SILENT = "tests/integration/common/test_nothing_is_silent.py"
HANDLER = f"{SILENT}::test_what_a_handler_cannot_do_is_logged_counted_and_kept"
PRODUCT = "tests/e2e/test_whole_product.py::test_two_replicas_of_everything_yield_what_one_would"
RESPONSES = "tests/unit/gateway/test_response_headers.py"
DELIVERY = "libs/common/bus/delivery.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
IDENTITIES = "tests/integration/contacts/test_contacts_identities.py"
NOT_RECORDED = "tests/integration/contacts/test_contacts_do_not_record.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"
WEBHOOK_SAFETY = "tests/integration/gateway/test_gateway_webhook_safety.py"
OPERATIONS = "tests/integration/gateway/test_gateway_operations.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a webhook's secret that everybody with a token can read",
        "private",
        "services/gateway/domain/webhook_delivery.py::secret_hint",
        Replace("secret[-4:]", "secret"),
        ("tests/integration/gateway/test_gateway_api.py::test_a_webhook_is_shown_with_the_end_of_its_secret_alone",),
    ),
    Mutation(
        "keys in the folder of the backup",
        "private",
        "libs/local/backup_commands.py::backup",
        Replace(
            "(keys := keys.expanduser().absolute()).parent.resolve() == file.parent.resolve()",
            "(keys := keys.expanduser().absolute()) == file",
        ),
        ("tests/unit/local/test_backup_rules.py::test_what_can_not_be_done_is_one_sentence_and_changes_nothing",),
    ),
    Mutation(
        "the database's password in the list of processes",
        "private",
        "libs/local/backup/dumping.py::_connection",
        Replace('quote(unquote(login.partition(":")[0]), safe="")', "login"),
        ("tests/unit/local/test_backup_rules.py::test_no_password_is_in_the_list_of_processes",),
    ),
    Mutation(
        "an outage that is explained to whoever asks",
        "private",
        "services/gateway/domain/problems.py::of_outage",
        Replace('"A part of PingCRM does not answer right now. Try again in a moment."', "str(outage)"),
        (f"{EDGES}::test_what_nobody_foresaw_is_in_the_log_under_the_trace_and_not_in_the_response",),
    ),
    Mutation(
        "a health page that shows a driver's words",
        "private",
        "libs/common/web.py::_state",
        Replace("return type(error).__name__", "return str(error)"),
        (f"{LIFE}::test_a_check_that_fails_or_hangs_is_named_by_its_kind_and_the_service_not_ready",),
    ),
    Mutation(
        "an event out of the outbox under a trace of its own",
        "private",
        "libs/common/outbox.py::add",
        Replace("current_trace()", '""'),
        (f"{OUTBOX}::test_events_come_out_in_the_order_in_which_they_were_added_and_under_their_trace",),
    ),
    Mutation(
        "a dead letter that forgets its trace",
        "private",
        "libs/common/dead_letters.py::Letter.headers",
        Replace("current_trace()", '""'),
        (f"{SETTLING}::test_one_trace_leads_from_the_cause_through_the_dead_letter_to_its_replay",),
    ),
    Mutation(
        "PostgreSQL's log quotes rows",
        "private",
        "libs/local/servers/postgres.py::OPTIONS",
        Replace('"terse"', '"default"'),
        ("tests/unit/local/test_compose_file.py::test_no_postgres_of_ours_quotes_rows_in_its_log",),
    ),
    Mutation(
        "a log line with an address in its text",
        "private",
        "libs/common/log.py::without_values",
        Replace('_ADDRESS.sub("…@…", plain)', "plain"),
        (f"{SILENT}::test_the_text_of_an_error_has_no_value",),
    ),
    Mutation(
        "a log line with the argument of a query",
        "private",
        "libs/common/log.py::without_values",
        Replace("_QUERY_ARGUMENT.sub(...)", "text"),
        (f"{SILENT}::test_the_text_of_an_error_has_no_value",),
    ),
    Mutation(
        "an error in all its lines",
        "private",
        "libs/common/log.py::error_text",
        Replace("str(error).partition(chr(10))[0]", "str(error)"),
        (f"{SILENT}::test_the_text_of_an_error_has_no_value",),
    ),
    Mutation(
        "a log line with the snippet of a mail",
        "private",
        "services/contacts/handlers/messages.py::record_messages",
        Replace(
            "await context.change_users(...)",
            'print(*(event.title for event in events), file=__import__("sys").stderr, flush=True); '
            "await context.change_users({event.user_id for event in events}, record)",
        ),
        (PRODUCT,),
    ),
    Mutation(
        "the reason of a dead letter quotes an address",
        "private",
        "libs/common/dead_letters.py::Letter.short_reason",
        Replace('without_values(" ".join(self.reason.split()))', '" ".join(self.reason.split())'),
        (
            "tests/unit/common/test_dead_letter_addresses.py::test_the_reason_of_a_letter_names_no_address_and_is_plain_ascii",
        ),
    ),
    Mutation(
        "an address as the key of an event",
        "private",
        "libs/common/events/mail.py::MailboxNotified.key",
        Replace("address_digest(self.address)", "self.address"),
        (f"{SILENT}::test_a_hint_that_cannot_be_handled_is_logged_and_counted_and_names_no_mailbox",),
    ),
    Mutation(
        "a failure without a line in the log",
        "private",
        f"{DELIVERY}::Delivery._record_failure",
        Replace('get_logger().error("struck", ...)', ""),
        (HANDLER,),
    ),
    Mutation(
        "a failure that is not counted",
        "private",
        f"{DELIVERY}::Delivery._record_failure",
        Replace('self._count("failed")', ""),
        (HANDLER,),
    ),
    Mutation(
        "what is given up becomes no dead letter",
        "private",
        f"{DELIVERY}::Delivery._dead_letter",
        Replace("await store_letter(...)", ""),
        (HANDLER,),
    ),
    Mutation(
        "a handler without the trace of its cause",
        "private",
        f"{DELIVERY}::Delivery._traced",
        Replace('(message.headers or {}).get(TRACE_HEADER, "")', '""'),
        (HANDLER,),
    ),
    Mutation(
        "a dead letter without its trace",
        "private",
        "libs/common/dead_letters.py::Letter.headers",
        Replace("current_trace()", '""'),
        (HANDLER,),
    ),
    Mutation(
        "an event of the outbox under the trace of who relays it",
        "private",
        "libs/common/outbox.py::_settle",
        Replace('traced(row["trace"], ...)', "traced(current_trace())"),
        (f"{SILENT}::test_an_event_out_of_the_outbox_keeps_the_trace_of_the_request_that_caused_it",),
    ),
    Mutation(
        "a request of another service without the trace of its cause",
        "private",
        "libs/common/bus/requesting.py::send_request",
        Replace("headers[TRACE_HEADER] = current_trace()", ""),
        ("tests/integration/common/test_bus_requests.py",),
    ),
    Mutation(
        "a bug in a responder is silent",
        "private",
        "libs/common/bus/responding.py::Responder._reply_to",
        Replace('get_logger().exception("answer_failed", ...)', ""),
        (f"{SILENT}::test_a_request_that_cannot_be_served_is_refused_logged_and_counted",),
    ),
    Mutation(
        "a request's path in the log and in the metrics",
        "private",
        "services/gateway/middlewares.py::observe",
        Replace('resource.canonical if resource else "unknown"', "request.path"),
        (f"{RESPONSES}::test_every_response_has_the_headers_that_keep_a_browser_safe",),
    ),
    Mutation(
        "lines of libraries keep addresses",
        "private",
        "libs/common/log.py::configure",
        Replace("_without_addresses", "structlog.processors.UnicodeEncoder()"),
        ("tests/unit/common/test_log_formats.py::test_no_line_has_an_address_whoever_writes_it",),
    ),
    Mutation(
        "a trace that goes on after its work",
        "private",
        "libs/common/log.py::traced",
        Replace("_trace.reset(token)", ""),
        ("tests/unit/common/test_log_formats.py::test_a_line_in_a_file_is_one_json_object_with_its_cause",),
    ),
    Mutation(
        "sessions are stored as they are",
        "private",
        "services/auth/handlers/sign_in.py::_connect",
        Replace("fingerprint(secret)", "secret.encode()"),
        ("tests/integration/auth/test_auth_sign_in.py::test_no_secret_is_stored_in_clear",),
    ),
    Mutation(
        "a sign-in under way lies open in Redis",
        "private",
        "services/auth/authorization.py::begin_authorization",
        Replace('context.keyring.seal(pending.model_dump_json(), key, "sign_in")', "pending.model_dump_json()"),
        ("tests/integration/auth/test_auth_pending_sign_ins.py::test_redis_learns_nothing_of_a_sign_in_under_way",),
    ),
    Mutation(
        "who signed in is logged by address",
        "private",
        "services/auth/handlers/sign_in.py::finish_sign_in",
        Replace(
            'get_logger().info("signed_in", ...)',
            'get_logger().info("signed_in", user=account.user_id, address=profile.address)',
        ),
        (f"{AUTH_CREDENTIALS}::test_nothing_private_is_logged",),
    ),
    Mutation(
        "a bug's text is a sentence for the user",
        "private",
        "services/prep/briefing.py::_error_sentence",
        Replace("isinstance(error, Outage)", "isinstance(error, Exception)"),
        (f"{PREP_ATTEMPTS}::test_a_bug_frees_the_brief_and_is_no_sentence_for_the_user",),
    ),
    Mutation(
        "a door that does not know what the user asked not to record",
        "private",
        "services/contacts/exclusions.py::leave_out_excluded",
        Replace("without_excluded", "lambda observation, _: (observation, LeftOut(frozenset(), whole=False))"),
        (f"{NOT_RECORDED}::test_a_rule_leaves_the_same_whether_it_came_before_or_after_what_it_is_about",),
    ),
    Mutation(
        "contacts under a rule are looked at for ever where none of them loses anything",
        "private",
        "services/contacts/exclusion_work.py::_remove_contacts",
        Replace("any(lost_by.values())", "lost_by"),
        (f"{NOT_RECORDED}::test_a_rule_by_which_nothing_goes_ends_is_not_called_done_and_holds_up_no_other",),
    ),
    Mutation(
        "interactions under a rule are looked at for ever where all of them are let in",
        "private",
        "services/contacts/exclusion_work.py::_remove_interactions",
        Replace("not changed", "not held"),
        (f"{NOT_RECORDED}::test_a_rule_by_which_nothing_goes_ends_is_not_called_done_and_holds_up_no_other",),
    ),
    Mutation(
        "who was merged away stays where somebody merged into them is not to be recorded",
        "private",
        "services/contacts/store/exclusion_work.py::forget_merges",
        InText("WHERE id = ANY($1::uuid[]) OR merged_into = ANY($1::uuid[])", "WHERE id = ANY($1::uuid[])"),
        (f"{NOT_RECORDED}::test_a_merge_below_another_has_nothing_left_of_whom_is_not_recorded",),
    ),
    Mutation(
        "cards bring back whom the user asked not to record",
        "private",
        "services/contacts/exclusions.py::leave_out_excluded_cards",
        Replace("card_without_excluded", "lambda card, _: (card, LeftOut(frozenset(), whole=False))"),
        (f"{NOT_RECORDED}::test_a_rule_leaves_the_same_whether_it_came_before_or_after_what_it_is_about",),
    ),
    Mutation(
        "somebody not recorded whom a profile names",
        "private",
        "services/contacts/identity_evidence.py::record_evidence",
        Replace("not rules.matching(*address)", "True"),
        (f"{IDENTITIES}::test_of_whom_is_not_recorded_nothing_is_kept_as_evidence",),
    ),
    Mutation(
        "somebody not recorded any more whom a profile names",
        "private",
        "services/contacts/exclusion_work.py::_apply",
        Replace("await exclusion_work.delete_evidence(connection, exclusion)", ""),
        (f"{IDENTITIES}::test_of_whom_is_not_recorded_nothing_is_kept_as_evidence",),
    ),
    Mutation(
        "a rule whose work is over before the addresses are gone",
        "private",
        "services/contacts/exclusion_work.py::_apply",
        Replace(
            "exclusion_work.delete_addresses(connection, exclusion, ADDRESSES_AT_ONCE)",
            "exclusions.forget_marks(connection, exclusion.id, 0)",
        ),
        (f"{NOT_RECORDED}::test_a_rule_leaves_the_same_whether_it_came_before_or_after_what_it_is_about",),
    ),
    Mutation(
        "keys of briefs that outlive their user",
        "private",
        "services/prep/leasing.py::forget_dedup_keys",
        Replace("keys.release(_dedup_key(moment))", "keys.get(_dedup_key(moment))"),
        (PRODUCT,),
    ),
    Mutation(
        "a webhook call under a trace of its own",
        "private",
        "services/gateway/webhook_delivery/sender.py::WebhookSender._deliver_traced",
        Replace("traced(call.trace, ...)", 'traced("")'),
        (f"{WEBHOOK_SAFETY}::test_one_trace_leads_from_an_event_to_each_try_of_its_webhook_call",),
    ),
    Mutation(
        "a webhook that is called about what its user did not choose",
        "private",
        "services/gateway/domain/webhook_delivery.py::webhook_url",
        Replace("event in (*wanted.webhook_events, TEST)", "True"),
        (
            "tests/integration/gateway/test_gateway_webhook_delivery.py"
            "::test_a_webhook_is_called_about_what_its_user_chose_and_about_nothing_else",
        ),
    ),
    Mutation(
        "a webhook call that forgets the trace of what it reports",
        "private",
        "services/gateway/store/notifications.py::_require_call",
        Replace("current_trace()", '""'),
        (f"{WEBHOOK_SAFETY}::test_one_trace_leads_from_an_event_to_each_try_of_its_webhook_call",),
    ),
    Mutation(
        "what a deleted user wanted stays in Redis",
        "private",
        "services/gateway/handlers/deletions.py::delete_user",
        Replace("await preferences.forget(context.cache, event.user_id)", ""),
        ("tests/e2e/test_whole_product.py::test_two_replicas_of_everything_yield_what_one_would",),
    ),
    Mutation(
        "photos that outlive their user",
        "private",
        "services/gateway/handlers/deletions.py::delete_user",
        Replace("await context.cache.release(photos_key(event.user_id))", ""),
        (
            "tests/integration/gateway/test_gateway_photos.py::test_the_photos_of_a_user_go_with_the_user_and_with_a_purged_account",
        ),
    ),
    Mutation(
        "a photo that leads elsewhere",
        "private",
        "services/gateway/photos.py::PhotoFetcher._fetch",
        Replace("self.http.get(...)", "self.http.get(source, headers={'Accept': 'image/*'})"),
        (
            "tests/integration/gateway/test_gateway_photos.py::test_a_photo_comes_from_google_by_way_of_us_and_anything_else_is_no_image",
        ),
    ),
    Mutation(
        "what was rejected does not come back to its author",
        "private",
        f"{DELIVERY}::Delivery._dead_letter",
        Replace("await store_rejection(...)", "pass"),
        (
            "tests/integration/common/test_integrations.py::test_what_an_integration_publishes_reaches_the_product_and_what_is_wrong_with_it_comes_back",
        ),
    ),
    Mutation(
        "what waits for integrations outlives its user",
        "private",
        "libs/common/bus/__init__.py::Bus.purge_dead_letters",
        Replace("await purge_copies(self._stream, user_id, account_id)", "pass"),
        (
            "tests/integration/common/test_forwarding.py::test_what_waits_for_integrations_goes_with_its_user_except_for_the_order_to_delete",
        ),
    ),
    Mutation(
        "what is published late about a deleted user is kept for integrations",
        "private",
        "libs/common/bus/forwarding.py::Forwarding._copy",
        Replace("purged.isdisjoint(about.values())", "True"),
        (
            "tests/integration/common/test_forwarding.py::test_what_waits_for_integrations_goes_with_its_user_except_for_the_order_to_delete",
        ),
    ),
    Mutation(
        "what is copied for integrations while its user is deleted stays",
        "private",
        "libs/common/bus/forwarding.py::Forwarding._copy",
        Replace("await self._purge_again(...)", "pass"),
        (
            "tests/integration/common/test_forwarding.py::test_what_waits_for_integrations_goes_with_its_user_except_for_the_order_to_delete",
        ),
    ),
    Mutation(
        "what is on record of calls of the model outlives its user",
        "private",
        "services/prep/handlers/users.py::purge_user",
        Replace("await model_calls.delete_of_user(connection, event.user_id)", "pass"),
        (
            "tests/integration/prep/test_model_calls.py::test_calls_are_forgotten_with_their_time_their_account_and_their_user",
        ),
    ),
    Mutation(
        "answers of the model that are kept for ever",
        "private",
        "services/prep/store/model_calls.py::forget_old",
        InText("UPDATE model_calls SET answer = NULL", "UPDATE model_calls SET answer = answer"),
        (
            "tests/integration/prep/test_model_calls.py::test_calls_are_forgotten_with_their_time_their_account_and_their_user",
        ),
    ),
    Mutation(
        "what an outbox gives up is not counted",
        "private",
        "libs/common/outbox.py::_set_aside",
        Replace("EVENT_OUTCOMES.labels(row['subject'], 'dead_letter').inc()", ""),
        (
            "tests/integration/common/test_bus_large_messages.py::test_an_event_in_the_outbox_that_can_never_be_published_holds_back_no_other",
        ),
    ),
    Mutation(
        "a data folder that anybody can list",
        "private",
        "libs/local/data_dir.py::create",
        Replace("0o711 if os.geteuid() == 0 else 0o700", "0o755"),
        ("tests/unit/local/test_local_secrets.py::test_a_data_folder_can_be_listed_and_written_by_its_owner_alone",),
    ),
    Mutation(
        "an operations page for everybody",
        "private",
        "services/gateway/pages/operations.py::_for_operators",
        Replace("not visit.user.operator", "False"),
        (f"{OPERATIONS}::test_only_operators_have_the_page_and_nobody_the_metrics_on_the_public_port",),
    ),
    Mutation(
        "measurements of the operator who looks, in place of those of everybody",
        "private",
        "libs/common/measuring.py::_take_part",
        Replace("with on_behalf_of(None): ...", "taken = list(await measure())"),
        ("tests/unit/common/test_measuring.py",),
    ),
)
