"""What the soak finds fault with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from tests.bench.stage import GOOGLE
from tests.soak.load import Load
from tests.soak.report import MIB, rows
from tests.soak.samples import Held, Left, Metrics, Sample, anonymous_bytes, metrics_in

LEFT = Left(
    runs=70, idle_runs=0, recorded=50, pending=0, dead_letters=0, largest_log_bytes=MIB, log_bytes=MIB, errors=0
)
LOAD = cast(
    Load, cast(Any, type("Happened", (), {"delivered": 50, "meetings": 5, "ticks": 1, "looks": 9, "failed_looks": 0})())
)


def samples(
    *, memory: float = 0.0, descriptors: float = 0.0, queue: float = 0.0, series: float = 0.0, restart_at: int = 100
) -> list[Sample]:
    """A hundred, in which `sync` and the local Google grow by so much with each."""
    return [
        Sample(
            float(at),
            {
                name: Held(7 + (at >= restart_at), int((80 + at * memory) * MIB), int(30 + at * descriptors), 1)
                for name in ("sync", GOOGLE)
            },
            {"sync_mail": int(at * queue)},
            {"sync": Metrics(100 + int(at * series), 3)},
        )
        for at in range(100)
    ]


def faults(taken: list[Sample], left: Left = LEFT, unfinished: tuple[str, ...] = ()) -> list[str]:
    return [row.name for row in rows(taken, LOAD, left, 2, unfinished) if row.is_good is False]


def test_a_process_that_grows_is_found_and_the_local_google_may() -> None:
    assert faults(samples()) == []
    assert faults(samples(memory=0.03)) == [], "an arena"
    assert faults(samples(memory=0.1)) == ["memory of sync, MiB"]
    assert faults(samples(descriptors=0.2)) == ["descriptors of sync"]


def test_what_has_stopped_growing_by_the_last_quarter_has_filled_up_and_is_no_leak() -> None:
    taken = samples()

    def holding(memory: Callable[[float], float]) -> list[Sample]:
        return [replace(each, processes={"sync": Held(7, int((80 + memory(each.at)) * MIB), 30, 1)}) for each in taken]

    assert faults(holding(lambda at: min(at, 70) * 0.3)) == []
    assert faults(holding(lambda at: min(at, 85) * 0.3)) == ["memory of sync, MiB"]
    assert faults(holding(lambda at: at * 0.1)) == ["memory of sync, MiB"], "no faster at the end, and no slower"
    assert faults(holding(lambda at: 5 * (at // 20))) == ["memory of sync, MiB"], "in steps"


def test_a_queue_that_grows_is_found() -> None:
    assert faults(samples(queue=0.2)) == []
    assert faults(samples(queue=1)) == ["waiting: sync_mail"]


def test_what_is_left_behind_is_found() -> None:
    assert faults(samples(), replace(LEFT, runs=75)) == ["runs kept"]
    assert faults(samples(), replace(LEFT, idle_runs=1)) == ["runs kept that found nothing"]
    assert faults(samples(), replace(LEFT, largest_log_bytes=40 * MIB)) == ["largest log, MiB"]
    assert faults(samples(), replace(LEFT, errors=1)) == ["errors in the logs"]
    assert faults(samples(), replace(LEFT, dead_letters=1)) == ["dead letters"]
    assert faults(samples(), replace(LEFT, pending=1)) == ["messages not read yet"]
    assert faults(samples(), replace(LEFT, recorded=49)) == ["messages recorded"]
    assert faults(samples(), unfinished=("Not quiet after 300 s",)) == ["Not quiet after 300 s"]


def test_labels_that_come_without_end_are_found() -> None:
    assert faults(samples(series=0.1)) == []
    assert faults(samples(series=1)) == ["metrics of sync"]


def test_a_process_that_was_started_anew_is_found_whatever_it_holds_now() -> None:
    assert faults(samples(restart_at=50)) == ["processes started anew"]


def test_memory_is_what_belongs_to_no_file_shared_or_not_resident_or_swapped_out() -> None:
    rollup = """7f0000000000-7fff00000000 ---p 00000000 00:00 0    [rollup]
Rss:               90000 kB
Pss:               40000 kB
Pss_Anon:          30000 kB
Private_Dirty:     20000 kB
Anonymous:         50000 kB
AnonHugePages:         0 kB
Swap:               1000 kB
SwapPss:             200 kB
"""
    assert anonymous_bytes(rollup) == 51_000 * 1024


def test_metrics_are_counted_with_their_labels() -> None:
    exposition = """# HELP python_gc_collections_total Number of times this generation was collected
# TYPE python_gc_collections_total counter
python_gc_collections_total{generation="0"} 12.0
python_gc_collections_total{generation="1"} 1.0
pingcrm_requests_total{outcome="answered",subject="auth.token"} 7.0

"""
    assert metrics_in(exposition) == Metrics(series=3, collections=12)
    assert metrics_in("") == Metrics(0, 0)
