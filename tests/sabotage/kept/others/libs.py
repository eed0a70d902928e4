"""Nobody else's, in what every service shares: the bus, the outbox, the edges (`libs`)."""

from tests.sabotage.kept.others import OPERATIONS
from tests.sabotage.mutation import InText, Mutation, Replace

_WALL = "tests/integration/common/test_row_security.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "what is done wins over a cancellation",
        "others",
        "libs/common/cancellation.py::wait_for",
        Replace("return await fut", "return await asyncio.tasks.wait_for(fut, timeout)"),
        ("tests/integration/common/test_cancellation.py::test_a_cancellation_is_not_lost_in_a_command_to_redis",),
    ),
    Mutation(
        "an Idempotency-Key is everybody's",
        "others",
        "libs/common/bus/responding.py::Responder._reply_json",
        Replace('str(user_id or "-")', '"-"'),
        OPERATIONS,
    ),
    Mutation(
        "requests are handled without the second wall",
        "others",
        "libs/common/bus/responding.py::Responder._reply_json",
        Replace("db.on_behalf_of(user_id)", "db.on_behalf_of(None)"),
        (f"{_WALL}::test_a_request_is_handled_on_behalf_of_its_user",),
    ),
    Mutation(
        "an interrupted change of user counts as none",
        "others",
        "libs/common/db.py::_UserConnection.work_for",
        Replace("self._user = object()", ""),
        (f"{_WALL}::test_who_is_interrupted_while_it_becomes_somebody_leaves_nothing_to_the_next",),
    ),
    Mutation(
        "a policy that is not in force",
        "others",
        "libs/local/row_security.py::statements",
        InText("'ENABLE' if condition", "'DISABLE' if condition"),
        (f"{_WALL}::test_every_table_has_a_policy_or_a_reason_for_none",),
    ),
    Mutation(
        "an integration gets the events of every user",
        "others",
        "libs/common/integrations.py::subscribed_subjects",
        Replace('[str(user) for user in grants.users] or ["*"]', '["*"]'),
        ("tests/unit/common/test_integration_rules.py",),
    ),
    Mutation(
        "an integration reports about whoever it names",
        "others",
        "libs/common/bus/delivery.py::Delivery._parse",
        Replace('author and event.about().get("user") != author.user_id', "False"),
        (
            "tests/integration/common/test_integrations.py::test_what_an_integration_publishes_reaches_the_product_and_what_is_wrong_with_it_comes_back",
        ),
    ),
)
