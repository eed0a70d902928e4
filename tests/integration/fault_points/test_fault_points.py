"""Every step of every handler and job fails once, and its process dies there once: in the end all is as if nothing had happened.

A scenario is lived through without faults, then by others who meet a fault at each of its points, one after the other. What all of them
leave behind is the same, down to the row: nothing is lost, nothing is there twice, and nothing became a dead letter.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import get_args

import pytest
import pytest_asyncio

from libs.local.secrets import Secrets
from tests.support.fault_life import Life, life_on
from tests.support.fault_scenarios import SCENARIOS, Kind, Scenario
from tests.support.fault_stage import FaultStage, fault_stage
from tests.support.remains import Rows, difference
from tests.support.servers import Servers

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

PREPARED_TOGETHER = 6


class Cast:
    """People who are signed in and have been read once, prepared a few at a time; and what undisturbed lives have left behind."""

    def __init__(self, stage: FaultStage, stack: AsyncExitStack, wanted: int) -> None:
        self.stage = stage
        self._stack = stack
        self._wanted = wanted
        self._ready: list[Life] = []
        self._undisturbed: dict[str, Rows] = {}

    async def life_before(self, scenario: Scenario) -> Life:
        """Somebody who has not lived through the scenario yet."""
        if not scenario.signed_in:
            return await self._stack.enter_async_context(life_on(self.stage))
        if not self._ready:
            count = max(min(self._wanted, PREPARED_TOGETHER), 1)
            self._ready = [await self._stack.enter_async_context(life_on(self.stage)) for _ in range(count)]
            await asyncio.gather(*(life.sign_in() for life in self._ready))
            await self.stage.quiet()
        self._wanted -= 1
        life = self._ready.pop()
        life.account.watch = None  # else Gmail's notifications begin runs at moments of their own
        return life

    async def undisturbed(self, scenario: Scenario) -> Rows:
        if scenario.name not in self._undisturbed:
            self._undisturbed[scenario.name] = await self._lived(scenario)
        return self._undisturbed[scenario.name]

    async def _lived(self, scenario: Scenario) -> Rows:
        rows = await live_through(scenario, await self.life_before(scenario))
        counted = {table: len(rows[table]) for table in scenario.left}
        assert counted == scenario.left, self.stage.last_errors()
        return rows


async def live_through(scenario: Scenario, life: Life) -> Rows:
    user_id = await life.user_id() if scenario.signed_in else None
    await scenario.act(life)
    await life.stage.quiet()
    rows = await life.remains(user_id or await life.user_id())
    return {table: found for table, found in rows.items() if table not in scenario.not_compared}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cast(servers: Servers, secrets: Secrets, request: pytest.FixtureRequest) -> AsyncIterator[Cast]:
    tests = [item for item in request.session.items if item.path == request.path]
    async with fault_stage(servers, secrets) as stage, AsyncExitStack() as stack:
        yield Cast(stage, stack, 2 * len(tests))


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_life_with_faults_ends_as_one_without(cast: Cast, scenario: Scenario, kind: Kind) -> None:
    undisturbed = await cast.undisturbed(scenario)
    life = await cast.life_before(scenario)
    for point in scenario.points_of(kind):
        cast.stage.arm(kind, point)
    try:
        rows = await live_through(scenario, life)
        assert cast.stage.unreached() == []
    finally:
        cast.stage.disarm()
    if wrong := difference(undisturbed, rows):
        pytest.fail("\n".join([*wrong, cast.stage.last_errors()]), pytrace=False)
    assert await cast.stage.dead_letters() == 0
