"""Safe edges: what comes from outside, and what goes out to others."""

from tests.sabotage.mutation import InText, Mutation, Replace

EDGES = "tests/integration/gateway/test_gateway_edges.py"
LIFE = "tests/unit/common/test_service_life.py"
RESOURCES = "tests/integration/common/test_resources.py"
SAFETY = "tests/integration/gateway/test_gateway_webhook_safety.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
LIMITS = "tests/integration/gateway/test_gateway_limits.py"

MUTATIONS = (
    Mutation(
        "a webhook whose name leads into the own network",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("None if allow_private else PublicResolver()", "None"),
        (f"{SAFETY}::test_a_name_that_leads_into_a_private_network_is_called_on_a_laptop_and_not_by_a_server",),
    ),
    Mutation(
        "a name with a public address opens its private ones",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::PublicResolver.resolve",
        Replace("return public", "return found"),
        (f"{SAFETY}::test_of_the_addresses_of_a_name_only_the_public_ones_are_connected_to",),
    ),
    Mutation(
        "a receiver that never replies holds a webhook call for ever",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)", "aiohttp.ClientTimeout(total=None)"),
        (f"{SAFETY}::test_a_call_that_fails_is_due_again_by_the_rule_and_one_without_a_reply_has_failed",),
    ),
    Mutation(
        "a page that anybody may frame",
        "edges",
        "services/gateway/app.py::SECURITY_HEADERS",
        InText("frame-ancestors 'none'", "frame-ancestors *"),
        (f"{EDGES}::test_every_response_whatever_it_is_has_the_headers_that_keep_browsers_safe",),
    ),
    Mutation(
        "calls over HTTP without a time limit",
        "edges",
        "libs/common/service.py::opened",
        Replace("aiohttp.ClientTimeout(total=settings.google_timeout_seconds)", "aiohttp.ClientTimeout()"),
        (f"{RESOURCES}::test_every_call_over_the_network_has_a_time_limit_and_everything_is_closed_at_the_end",),
    ),
    Mutation(
        "statements and locks without a time limit",
        "edges",
        "libs/common/db.py::open_pool",
        Replace("{**PLANNER, **LIMITS}", "{**PLANNER}"),
        (f"{RESOURCES}::test_every_call_over_the_network_has_a_time_limit_and_everything_is_closed_at_the_end",),
    ),
    Mutation(
        "a health check that hangs",
        "edges",
        "libs/common/web.py::_state",
        Replace("asyncio.timeout(CHECK_TIMEOUT_SECONDS)", "asyncio.timeout(None)"),
        (f"{LIFE}::test_a_check_that_fails_or_hangs_is_named_by_its_kind_and_the_service_not_ready",),
    ),
    Mutation(
        "a browser that has stopped reading holds its stream",
        "edges",
        "services/gateway/api/live_updates.py::_write",
        Replace("asyncio.timeout(WRITE_SECONDS)", "asyncio.timeout(None)"),
        (f"{ENDS}::test_a_browser_that_has_stopped_reading_is_let_go",),
    ),
    Mutation(
        "accounts that are added without a limit",
        "edges",
        "services/gateway/pages/sign_in.py::connect",
        Replace("await count_sign_in(context, request)", ""),
        (f"{LIMITS}::test_a_browser_is_limited_beside_its_address",),
    ),
)
