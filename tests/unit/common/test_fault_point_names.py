"""Fault points: each that is declared stands in the product, and a scenario reaches it."""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import get_args

import pytest

from libs.common.fault_points import FaultPoint, act_at_fault_points, reached
from libs.common.requests import REQUESTS, Command
from libs.common.topology import CONSUMERS
from libs.local import ROOT
from tests.support.fault_scenarios import SCENARIOS

# Nothing is stored that could be torn apart (a notification that comes again meets the run that it queued, in one statement); a second
# rotation retires the hash of the first; a rule is there once, and what follows from it is worked off from its row
# (tests/integration/contacts/test_contacts_do_not_record.py dies in it).
NOT_DIED_BEHIND = {
    "auth.begin", "auth.sign_out", "auth.sign_out_everywhere", "sync.retry", "sync.notify_calendar", "contacts.rotate_bcc",
    "contacts.exclude", "contacts.exclude_contact", "contacts.remove_exclusion",
}  # fmt: skip


def _points_in_the_product() -> Iterator[str]:
    for folder in ("libs/common", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(func=ast.Name(id="reached"), args=[ast.Constant(value=str(point)), *_]):
                        yield point


def test_each_declared_fault_point_stands_in_the_product() -> None:
    assert set(_points_in_the_product()) == set(get_args(FaultPoint))
    assert [name for name, count in Counter(get_args(FaultPoint)).items() if count > 1] == []


def test_a_scenario_reaches_each_fault_point_each_consumer_and_each_command() -> None:
    met = {point for scenario in SCENARIOS for point in scenario.points}
    consumers = {f"{point}@{consumer.name}" for consumer in CONSUMERS for point in ("bus.received", "bus.handled")}
    commands = {f"request.handled@{request.subject}" for request in REQUESTS if issubclass(request, Command)}
    commands -= {f"request.handled@{subject}" for subject in NOT_DIED_BEHIND}
    assert sorted((consumers | commands) - met) == []
    assert sorted(set(get_args(FaultPoint)) - {point.partition("@")[0] for point in met}) == []


async def test_a_fault_point_does_nothing_until_somebody_acts_and_again_when_nobody_does() -> None:
    acted: list[tuple[str, str]] = []

    async def act(point: FaultPoint, of: str) -> None:
        acted.append((point, of))
        raise RuntimeError(point)

    await reached("bus.handled", "before")
    act_at_fault_points(act)
    try:
        with pytest.raises(RuntimeError, match=r"bus\.handled"):
            await reached("bus.handled", "a consumer")
    finally:
        act_at_fault_points(None)
    await reached("bus.handled", "behind")
    assert acted == [("bus.handled", "a consumer")]
