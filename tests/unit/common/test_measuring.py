"""What a service measures: seldom enough, for all users together, and whatever fails of it; and for how long events have waited."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.aio.msg import Msg
from nats.js.api import ConsumerInfo
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from libs.common import db
from libs.common.bus.letters import counted
from libs.common.bus.unsettled import Unsettled, queue_samples
from libs.common.ids import UserId, new_id
from libs.common.measuring import GAUGES, Measuring, exposition, kept_seconds, sample
from libs.common.requests import Sample
from libs.local import ROOT
from services.gateway import middlewares
from services.gateway.assistants import tool

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PAGE = ROOT / "docs" / "operating" / "metrics.md"
OF_THE_GATEWAY = (middlewares.SECONDS, tool.SECONDS)  # counted where they happen, and nowhere else


@dataclass
class Counting:
    """A part that counts how often it is measured, and on whose behalf."""

    times: int = 0
    users: list[UserId | None] = field(default_factory=list)

    async def measure(self) -> list[Sample]:
        self.times += 1
        self.users.append(db._on_behalf_of.get())
        return [sample("pingcrm_users", self.times)]


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {found.name: found.value for found in samples}


async def test_who_measures_again_at_once_gets_the_same_numbers() -> None:
    part, measuring = Counting(), Measuring()
    measuring.add("state", part.measure)
    first, second = await measuring.take(), await measuring.take()
    assert first == second
    assert part.times == 1
    assert abs(values(first)["pingcrm_measured_timestamp_seconds"] - time()) < 60, "and when they were taken"


async def test_what_an_operator_sees_is_measured_for_everybody_and_not_for_that_operator() -> None:
    part, measuring = Counting(), Measuring()
    measuring.add("state", part.measure)
    with db.on_behalf_of(UserId(new_id())):
        await measuring.take()
    assert part.users == [None]


async def test_a_part_that_fails_is_named_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing() -> list[Sample]:
        raise ConnectionRefusedError("postgresql://pingcrm:secret@10.0.0.1")

    part, measuring = Counting(), Measuring()
    measuring.add("state", failing)
    measuring.add("queues", part.measure)
    taken = await measuring.take()
    failed = {found.labels["part"]: found.value for found in taken if found.name == "pingcrm_measure_failed"}
    assert failed == {"state": 1, "queues": 0}
    assert values(taken)["pingcrm_users"] == 1


@pytest.mark.parametrize(("took", "kept"), [(0.0, 2.0), (0.02, 2.0), (0.1, 5.0), (1.0, 50.0), (60.0, 300.0)])
def test_measuring_takes_a_fiftieth_of_the_time_at_most(took: float, kept: float) -> None:
    assert kept_seconds(took) == pytest.approx(kept)


def test_a_number_that_nobody_declared_is_refused_and_a_part_has_one_measure() -> None:
    with pytest.raises(KeyError):
        sample("pingcrm_mails_by_sender", 1)
    measuring = Measuring()
    measuring.add("state", Counting().measure)
    with pytest.raises(ValueError, match="two measurements called state"):
        measuring.add("state", Counting().measure)


def test_measured_and_counted_are_one_document_that_prometheus_reads() -> None:
    samples = [
        sample("pingcrm_accounts", 2, state="active"),
        sample("pingcrm_users", 3),
        sample("pingcrm_accounts", 1, state="reauth_required"),
    ]
    families = {found.name: found for found in text_string_to_metric_families(exposition(samples).decode())}
    accounts = {found.labels["state"]: found.value for found in families["pingcrm_accounts"].samples}
    assert accounts == {"active": 2, "reauth_required": 1}
    assert families["pingcrm_accounts"].documentation == GAUGES["pingcrm_accounts"]
    assert "process_resident_memory_bytes" in families


def test_the_page_of_the_metrics_names_each_and_no_other() -> None:
    page = PAGE.read_text()
    counted_names = {found.name for found in REGISTRY.collect() if found.name.startswith("pingcrm_")}
    named = {line.split("`")[1].partition("{")[0] for line in page.splitlines() if line.startswith("| `pingcrm_")}
    assert {name.removesuffix("_total") for name in named} == counted_names | GAUGES.keys()


# --- for how long events have waited ------------------------------------------------------------------------------------


def message(sequence: int, minutes_ago: float) -> Msg:
    at = NOW - timedelta(minutes=minutes_ago)
    return cast(Msg, SimpleNamespace(metadata=SimpleNamespace(sequence=SimpleNamespace(stream=sequence), timestamp=at)))


def info(pending: int = 0, in_hand: int = 0, floor: int = 0) -> ConsumerInfo:
    place: Any = SimpleNamespace(stream_seq=floor, last_active=NOW)
    return cast(
        ConsumerInfo,
        SimpleNamespace(num_pending=pending, num_ack_pending=in_hand, ack_floor=place, delivered=place),
    )


def since(minutes_ago: float) -> Unsettled:
    return Unsettled(_youngest=NOW - timedelta(minutes=minutes_ago))


def test_nothing_that_waits_is_not_old() -> None:
    assert since(60).age_seconds(info(), NOW) == 0


def test_what_is_in_hand_is_as_old_as_its_first_message() -> None:
    unsettled = since(60)
    with unsettled.in_hand([message(7, 5), message(9, 1)]):
        assert unsettled.age_seconds(info(in_hand=2, floor=6), NOW) == 300
    assert unsettled.age_seconds(info(), NOW) == 0


def test_what_was_returned_grows_old_until_it_is_settled_by_whichever_replica() -> None:
    unsettled, returned = since(60), message(7, 10)
    with unsettled.in_hand([returned]):
        unsettled.returned(returned)
    assert unsettled.age_seconds(info(in_hand=1, floor=6), NOW) == 600
    assert unsettled.age_seconds(info(in_hand=1, floor=7), NOW) == 0, "what lies below the floor was acknowledged"
    unsettled.returned(returned)
    with unsettled.in_hand([returned]):
        pass
    assert unsettled.age_seconds(info(in_hand=1, floor=6), NOW) == 0, "it came back here and was settled"


def test_what_was_not_handed_out_is_younger_than_what_was() -> None:
    unsettled = since(60)
    with unsettled.in_hand([message(7, 20), message(8, 12)]):
        pass
    assert unsettled.age_seconds(info(pending=5, floor=8), NOW) == 12 * 60


def test_what_comes_after_everything_was_handed_out_is_not_as_old_as_the_silence_before() -> None:
    unsettled = since(60)
    assert unsettled.age_seconds(info(), NOW) == 0
    assert unsettled.age_seconds(info(pending=1), NOW + timedelta(seconds=15)) == 15


def test_a_queue_has_a_depth_an_age_and_the_moment_of_its_last_delivery() -> None:
    found = queue_samples("sync_clock_mail", info(pending=3, in_hand=2), 12.0)
    assert {each.name: each.value for each in found} == {
        "pingcrm_queue_waiting": 3,
        "pingcrm_queue_in_hand": 2,
        "pingcrm_queue_age_seconds": 12,
        "pingcrm_queue_delivered_timestamp_seconds": NOW.timestamp(),
    }
    assert {each.labels["consumer"] for each in found} == {"sync_clock_mail"}


def test_dead_letters_are_counted_without_whom_they_are_about() -> None:
    user, account = new_id(), new_id()
    assert counted(
        {
            f"dead.contacts.{user}.{account}.message.ingested": 2,
            "dead.contacts.-.-.message.ingested": 1,
            f"dead.contacts.{user}.-.interaction.reported.telegram.{user}": 1,
            f"dead.prep.{user}.-.of.another.version": 1,
        }
    ) == {
        ("contacts", "message.ingested"): 3,
        ("contacts", "interaction.reported"): 1,
        ("prep", "other"): 1,
    }
