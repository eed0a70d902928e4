"""To stop others, or to leave no trace; how long private words are kept; what programs and operators may. More in disclosure.py."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
TOO_MUCH = (
    "tests/integration/gateway/test_gateway_request_limits.py"
    "::test_what_is_too_much_or_too_slow_is_refused_with_its_reason"
)
CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
CHOSEN = f"{CREDENTIALS}::test_an_api_token_may_do_what_was_chosen_until_it_ends"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "whoever comes in one batch with a bad message is given up with it",
        "lost",
        "libs/common/bus/delivery.py::Delivery._deliver_in_parts",
        Replace(
            "for message, event in part: ...",
            '[await self._dead_letter(message, event, "In bad company.", 1) for message, event in part]',
        ),
        ("tests/integration/common/test_bus_delivery.py::test_a_bad_message_does_not_hold_back_its_batch",),
    ),
    Mutation(
        "what Gmail has no more stays on the timeline, however often it is looked for",
        "lost",
        "services/sync/mail/audit.py::_settle",
        Replace("if removals: ...", ""),
        (
            "tests/integration/sync/test_sync_audit.py"
            "::test_an_audit_heals_what_is_missing_and_what_is_too_much_and_reports_it",
        ),
    ),
    Mutation(
        "a reply that is too large is sent, and ends the connection",
        "edges",
        "libs/common/bus/responding.py::Responder._fitting",
        Replace("len(reply) <= limit_bytes", "True"),
        (
            "tests/integration/common/test_bus_requests.py"
            "::test_a_reply_that_is_too_large_is_refused_by_name_before_its_caller_gives_up",
        ),
    ),
    Mutation(
        "a page has as many bytes as its items",
        "edges",
        "libs/common/pagination.py::cut_page",
        Replace("page and left < 0", "False"),
        ("tests/unit/common/test_pages_by_bytes.py::test_a_page_keeps_to_both_limits_but_has_always_an_item",),
    ),
    Mutation(
        "a body of a hundred megabytes is read",
        "edges",
        "services/gateway/app.py::build_app",
        Replace("MAX_BODY_BYTES", "100 * MAX_BODY_BYTES"),
        (TOO_MUCH,),
    ),
    Mutation(
        "a header as long as its sender likes is read",
        "edges",
        "libs/common/web.py::serve",
        Replace(
            "_Runner(app, respond, access_log=None, shutdown_timeout=5, keepalive_timeout=IDLE_SECONDS)",
            "_Runner(app, respond, access_log=None, shutdown_timeout=5, keepalive_timeout=IDLE_SECONDS, max_field_size=10**6,"
            " max_line_size=10**6, max_headers=10**6)",
        ),
        (TOO_MUCH,),
    ),
    Mutation(
        "whoever makes addresses up is counted under each of them",
        "edges",
        "services/gateway/domain/client_address.py::client_address",
        Replace("_is_trusted(nearest, trusted) and hops", "hops"),
        (
            "tests/unit/gateway/test_client_address.py"
            "::test_whatever_stands_in_the_header_a_stranger_keeps_their_own_address",
        ),
    ),
    Mutation(
        "a network of one's own is as many addresses as it has",
        "edges",
        "services/gateway/domain/client_address.py::counted_as",
        Replace("isinstance(parsed, IPv6Address)", "False"),
        (f"{LIMITS}::test_one_address_behind_the_proxy_does_not_shut_out_the_others",),
    ),
    Mutation(
        "a user makes as many exports at once as they like",
        "edges",
        "services/gateway/limits/exports.py::only_export",
        Replace("not await context.cache.acquire(key, holder, LEASE)", "False"),
        (f"{LIMITS}::test_a_user_has_one_export_at_a_time",),
    ),
    Mutation(
        "one mailbox uses up the quota of all",
        "edges",
        "libs/common/google/quota.lua",
        InText("{key = key, ceiling = ceiling,", "{key = key, ceiling = 1e12,"),
        ("tests/integration/common/test_google_quota.py::test_a_call_waits_for_its_moment_and_that_shows",),
    ),
    Mutation(
        "what nobody takes waits for integrations for months",
        "private",
        "libs/common/integrations.py::MAX_IDLE",
        Replace("timedelta(days=7)", "timedelta(days=70)"),
        ("tests/integration/common/test_forwarding.py::test_what_nobody_takes_is_given_up_and_a_notice_counts_it",),
    ),
    Mutation(
        "what waits for an integration outlives its revocation",
        "private",
        "libs/local/integrations.py::delete_integration",
        Replace("await js.delete_consumer(INTEGRATION_STREAM, name)", ""),
        (
            "tests/integration/common/test_integrations.py"
            "::test_a_rotation_or_revocation_ends_the_old_login_and_disturbs_nobody_else",
        ),
    ),
    Mutation(
        "dead letters are kept for ever",
        "private",
        "libs/common/topology.py::streams",
        Replace("30 * DAY_SECONDS", "0"),
        (
            "tests/unit/common/test_topology.py"
            "::test_events_wait_on_disk_for_their_consumers_for_two_weeks_and_no_longer_than_needed",
        ),
    ),
    Mutation(
        "dead letters outlive the account that they are about",
        "private",
        "services/contacts/handlers/accounts.py::disconnect_account",
        Replace("await context.purge_dead_letters(event.user_id, event.account_id)", ""),
        (
            "tests/integration/common/test_dead_letter_purge.py"
            "::test_when_an_account_is_purged_its_dead_letters_go_and_those_of_others_stay",
        ),
    ),
    Mutation(
        "API tokens lie in the database as they are",
        "private",
        "services/auth/token_creation.py::create_token",
        Replace("fingerprint(secret)", "secret.encode()"),
        ("tests/integration/auth/test_auth_sign_in.py::test_no_secret_is_stored_in_clear",),
    ),
    Mutation(
        "an API token may write unless somebody chose otherwise",
        "edges",
        "libs/common/requests/auth.py::CreateApiToken.scopes",
        Replace('frozenset({"read"})', 'frozenset({"read", "write"})'),
        (CHOSEN,),
    ),
    Mutation(
        "an API token is good for ten years unless somebody chose otherwise",
        "edges",
        "libs/common/requests/auth.py::CreateApiToken.days",
        Replace("Field(...)", "Field(MAX_TOKEN_DAYS, ge=1, le=MAX_TOKEN_DAYS)"),
        (CHOSEN,),
    ),
    Mutation(
        "nobody sees when an API token was last used",
        "read",
        "services/auth/store/api_tokens.py::get_token",
        InText("SET last_used_at = now()", "SET last_used_at = last_used_at"),
        (f"{CREDENTIALS}::test_the_last_use_of_an_api_token_is_written_at_most_once_a_minute",),
    ),
    Mutation(
        "an API token makes API tokens",
        "edges",
        "services/gateway/domain/token_scopes.py::require_scope",
        Replace("raise session_required()", "return"),
        (
            "tests/integration/gateway/test_gateway_token_scopes.py"
            "::test_an_operation_lets_in_the_tokens_of_its_scope_and_no_others",
        ),
    ),
    Mutation(
        "an operator sees whom a dead letter is about",
        "private",
        "services/contacts/handlers/operations.py::_summary",
        Replace("letter.event_subject", "letter.subject"),
        (
            "tests/integration/gateway/test_gateway_operations.py"
            "::test_an_operator_sees_dead_letters_and_has_them_handled_again",
        ),
    ),
)
