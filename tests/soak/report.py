"""The limits with their reasons, the figures, and the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from rich.console import Console
from rich.table import Table

from libs.local.process import LOG_KEPT_BYTES
from tests.bench.stage import GOOGLE
from tests.soak.load import Load
from tests.soak.samples import Left, Sample
from tests.soak.trend import gained_at_last, trend

MIB = 1 << 20
POSTGRES = "postgres"
OTHER_RUNS = 6  # of each account: the first of each kind, and those of a real schedule that fires meanwhile
LOG_BYTES_A_MINUTE = 16 * MIB  # a log is looked at once a minute (libs/local/log_files.py): so much may come in between

# So much may a process' memory grow in the second half, in MiB; more is a leak. Each has its reason:
MEMORY_ALLOWED: Mapping[str, float] = {
    POSTGRES: 24.0,  # each of its backends caches plans, and what it has met of tables and indexes, until it has met them all
    "nats": 8.0,  # Go collects when the heap has doubled, and gives memory back minutes later
    "valkey": 2.0,  # its file of changes is rewritten in a copy of the process
}
SERVICE_ALLOWED = 2.0  # CPython takes memory in arenas of 1 MiB and keeps those in which anything lives
# In the local Google all mail that ever arrived lives in memory, and each backend of PostgreSQL keeps the files open that it has met, up to
# max_files_per_process: these are shown, and not judged. Of PostgreSQL the number of backends is.
UNJUDGED = frozenset({f"memory of {GOOGLE}, MiB", f"descriptors of {GOOGLE}", "descriptors of postgres"})
DESCRIPTORS_ALLOWED = 4.0  # a pool opens connections when it needs them
BACKENDS_ALLOWED = 8.0  # the same, and vacuum's come and go
SERIES_ALLOWED = 10.0  # an outcome that is met for the first time; whom or what it is about stands in no label
QUEUE_ALLOWED = 20.0  # messages: a batch that is just in hand when a sample is taken


Series = Sequence[tuple[float, float]]  # seconds, value


@dataclass(frozen=True)
class Row:
    """A line of the table. `is_good` None: shown, and not judged."""

    name: str
    value: str
    growth: str
    allowed: str
    is_good: bool | None


def rows(samples: Sequence[Sample], load: Load, left: Left, accounts: int, unfinished: Sequence[str]) -> list[Row]:
    """`unfinished`: what has not come to rest. ValueError: there are too few samples."""
    # What found something is kept, and what a schedule requested; a look that found nothing leaves no row.
    most_runs = accounts * (OTHER_RUNS + load.ticks) + load.delivered + 2 * load.meetings
    return [
        *_process_rows(samples),
        *_metrics_rows(samples),
        *_queue_rows(samples),
        _count_row("runs kept", left.runs, most_runs),
        _count_row("runs kept that found nothing", left.idle_runs, 0),
        _count_row("largest log, MiB", left.largest_log_bytes / MIB, (LOG_KEPT_BYTES + LOG_BYTES_A_MINUTE) / MIB),
        Row("log bytes a message", f"{left.log_bytes / max(load.delivered, 1):,.0f}", "", "", None),
        _count_row("errors in the logs", left.errors, 0),
        _count_row("dead letters", left.dead_letters, 0),
        _count_row("messages not read yet", left.pending, 0),
        *(Row(sentence, "", "", "", False) for sentence in unfinished),
        Row("messages recorded", f"{left.recorded:,}", "", f"≥ {load.delivered:,}", left.recorded >= load.delivered),
        Row("meetings made", f"{load.meetings:,}", "", "", None),
        Row("looks at pages", f"{load.looks:,}", "", "", None),
        Row("of which failed", f"{load.failed_looks:,}", "", "", None),
    ]


def _process_rows(samples: Sequence[Sample]) -> list[Row]:
    """Memory and descriptors of each; a process that was started anew has let go of what it may have leaked."""
    found = []
    for name in samples[-1].processes:
        held = [(sample.at, sample.processes[name]) for sample in samples if name in sample.processes]
        memory = [(at, each.memory_bytes / MIB) for at, each in held]
        found.append(
            _trend_row(f"memory of {name}, MiB", memory, MEMORY_ALLOWED.get(name, SERVICE_ALLOWED), fills_up=True)
        )
        descriptors = [(at, each.descriptors) for at, each in held]
        found.append(_trend_row(f"descriptors of {name}", descriptors, DESCRIPTORS_ALLOWED, fills_up=True))
        if name == POSTGRES:
            backends = [(at, each.members) for at, each in held]
            found.append(_trend_row("processes of postgres", backends, BACKENDS_ALLOWED, fills_up=True))
    anew = sum(
        len({sample.processes[name].pid for sample in samples if name in sample.processes}) - 1
        for name in samples[-1].processes
    )
    return [*found, _count_row("processes started anew", anew, 0)]


def _metrics_rows(samples: Sequence[Sample]) -> list[Row]:
    found = []
    for name in samples[-1].metrics:
        metrics = [(sample.at, sample.metrics[name]) for sample in samples if name in sample.metrics]
        series = [(at, each.series) for at, each in metrics]
        found.append(_trend_row(f"metrics of {name}", series, SERIES_ALLOWED))
        collections = trend([(at, each.collections) for at, each in metrics])
        found.append(
            Row(f"collections of {name}", f"{metrics[-1][1].collections}", f"{collections.growth:+.1f}", "", None)
        )
    return found


def _queue_rows(samples: Sequence[Sample]) -> list[Row]:
    """Of those that anything has waited in."""
    queues = {
        name: [(sample.at, float(sample.queues.get(name, 0))) for sample in samples] for name in samples[-1].queues
    }
    return [
        _trend_row(f"waiting: {name}", queue, QUEUE_ALLOWED)
        for name, queue in queues.items()
        if (found := trend(queue)).level or found.growth
    ]


def _trend_row(name: str, series: Series, allowed: float, *, fills_up: bool = False) -> Row:
    """`fills_up`: it grows only where it goes on doing so in the last quarter, in which half as much is allowed. A leak does not slow down;
    caches and pools do, when they have met what there is.
    """
    found = trend(series)
    growth = f"{found.growth:+,.2f} ± {found.error:,.2f}"
    if name in UNJUDGED:
        return Row(name, f"{found.level:,.1f}", growth, "", None)
    good = found.is_flat(allowed)
    if not good and fills_up:
        gained = gained_at_last(series)
        good = gained <= allowed / 2
        growth += f", at last {gained:+,.2f}"
    return Row(name, f"{found.level:,.1f}", growth, f"{allowed:,.0f}", good)


def _count_row(name: str, value: float, most: float) -> Row:
    return Row(name, f"{value:,.0f}", "", f"≤ {most:,.0f}", value <= most)


def show(console: Console, title: str, found: Sequence[Row]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True)
    for name in ("at the end", "growth in the second half", "allowed"):
        table.add_column(name, justify="right")
    table.add_column("")
    for row in found:
        table.add_row(row.name, row.value, row.growth, row.allowed, _mark(row.is_good))
    console.print(table)


def _mark(is_good: bool | None) -> str:
    match is_good:
        case True:
            return "[green]flat[/]"
        case False:
            return "[red]grows[/]"
        case None:
            return ""
        case _:
            assert_never(is_good)
