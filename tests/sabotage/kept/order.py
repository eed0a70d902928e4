"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""

from tests.sabotage.mutation import InText, Mutation

LIMITS = "tests/integration/gateway/test_gateway_limits.py"

MUTATIONS = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
)
