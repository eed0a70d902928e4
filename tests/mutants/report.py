"""What came of a sample, module by module, and whether that is enough."""

from collections.abc import Sequence
from itertools import groupby

from tests.mutants.running import Result

KILLED_OF_ALL = 0.90
KILLED_OF_A_MODULE = 0.80


def verdict(results: Sequence[Result]) -> int:
    """Print the table; the exit code."""
    print(f"\n{'killed':>7} {'survived':>9} {'no test':>8}")
    weak = []
    for module, group in groupby(
        sorted(results, key=lambda result: result.mutant.module), lambda result: result.mutant.module
    ):
        of_module = list(group)
        print(f"{_table_row(of_module)}  {module}")
        if _share(of_module) < KILLED_OF_A_MODULE:
            weak.append(module)
    share = _share(results)
    print(f"{_table_row(results)}  all: {share:.1%} of {len(results)}")
    untested = sum(result.outcome == "no test near" for result in results)
    broken = sum(result.outcome == "broken" for result in results)
    for module in weak:
        print(f"below {KILLED_OF_A_MODULE:.0%}: {module}")
    if broken:
        print(f"{broken} without a verdict")
        return 2
    return 1 if weak or untested or share < KILLED_OF_ALL else 0


def _table_row(results: Sequence[Result]) -> str:
    killed, survived, untested = (
        sum(result.outcome == outcome for result in results) for outcome in ("killed", "survived", "no test near")
    )
    return f"{killed:7} {survived:9} {untested:8}"


def _share(results: Sequence[Result]) -> float:
    return sum(result.outcome == "killed" for result in results) / len(results) if results else 1.0
