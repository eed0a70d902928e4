"""`make mutants`: mutate the pure rules and the edges, or what keeps the threats out, a sample at a time, and see that a test notices.

Exit code 0: within the bounds. 1: too many survived, somewhere or altogether, or code has no test near it. 2: no verdict.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.choosing import Choice, Reached
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.making import Mutant, MutantsOf
from tests.mutants.report import verdict
from tests.mutants.running import Bench, Result, record_reached
from tests.mutants.sampling import sample
from tests.mutants.subjects import INTEGRATION_TESTS, LEFT_OUT, MODULES, UNIT_TESTS, module_paths

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Parse the command line, run, report."""
    options = _options()
    modules = module_paths(ROOT, options.subject)
    mutants = _sampled({module: MutantsOf(ROOT, module) for module in modules if options.only in module}, options)
    if options.list:
        for mutant in mutants:
            print(f"{mutant.name}  {mutant.change}")
        return 0
    with _benches(options.workers) as benches, ThreadPoolExecutor(options.workers) as threads:
        choice = Choice(ROOT, _reached(benches, threads, modules, options))
        all_benches = list(_each(benches, options.workers))
        for bench in all_benches:
            bench.collect(UNIT_TESTS, LEFT_OUT)
        for bench in all_benches:
            bench.wait_until_collected()
        results = []
        for result in threads.map(lambda mutant: _on_a_bench(benches, mutant, choice, quick=options.quick), mutants):
            results.append(result)
            print(f"[{len(results)}/{len(mutants)}] {result.outcome:8} {result.seconds:4.1f} s  {result.mutant.name}")
            if result.outcome != "killed" or options.verbose:
                print(f"      {result.mutant.change}\n      {result.by}")
            sys.stdout.flush()
    return verdict(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants ARGS=…", description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="how many mutants (600)")
    parser.add_argument("--seed", type=int, default=8, help="of the sample (8)")
    parser.add_argument("--subject", choices=tuple(MODULES), default="rules", help="which modules (rules)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only modules with this in their path")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time (2)")
    parser.add_argument(
        "--reached", type=Path, metavar="FOLDER", help="keep what the tests reach here, and use it again"
    )
    parser.add_argument("--unit", action="store_true", help="only the unit tests, without servers")
    parser.add_argument("--quick", action="store_true", help="no second look at survivors: while tests are written")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    parser.add_argument("--verbose", action="store_true", help="with what noticed each")
    return parser.parse_args()


def _sampled(mutants: Mapping[str, MutantsOf], options: argparse.Namespace) -> Sequence[Mutant]:
    chosen = sample({module: len(found) for module, found in mutants.items()}, options.count, options.seed)
    found = [mutants[module][number] for module, number in chosen]
    return [mutant for mutant in found if mutant.change not in EQUIVALENT.get(mutant.module, {})]


@contextmanager
def _benches(count: int) -> "Iterator[SimpleQueue[Bench]]":
    # Below a folder that others may enter: a PostgreSQL that root starts runs as nobody.
    with tempfile.TemporaryDirectory(prefix="pingcrm-mutants-") as folder:
        made = [Bench(ROOT, Path(folder) / str(number)) for number in range(count)]
        benches: SimpleQueue[Bench] = SimpleQueue()
        for bench in made:
            benches.put(bench)
        try:
            yield benches
        finally:
            for bench in made:
                bench.close()


def _each(benches: "SimpleQueue[Bench]", count: int) -> Iterator[Bench]:
    for _ in range(count):
        bench = benches.get()
        benches.put(bench)
        yield bench


def _on_a_bench(benches: "SimpleQueue[Bench]", mutant: Mutant, choice: Choice, *, quick: bool) -> Result:
    bench = benches.get()
    try:
        return bench.try_mutant(mutant, choice, quick=quick)
    finally:
        benches.put(bench)


def _reached(
    benches: "SimpleQueue[Bench]", threads: ThreadPoolExecutor, modules: Sequence[str], options: argparse.Namespace
) -> Reached:
    """Run the tests once without a mutant: what each of them executes. Those that fail anyway notice nothing."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.reached or Path(temporary)).resolve()
        folder.mkdir(exist_ok=True)
        paths = UNIT_TESTS if options.unit else (*UNIT_TESTS, *INTEGRATION_TESTS[options.subject])
        groups = {path.replace("/", "."): path for path in paths}

        def record(name: str) -> None:
            if (folder / name).exists():
                return
            bench = benches.get()
            try:
                output = record_reached(bench.folder, modules, [groups[name]], LEFT_OUT, folder / name)
            finally:
                benches.put(bench)
            print(f"without mutants: {groups[name]}: {output.strip().splitlines()[-1]}", flush=True)

        list(threads.map(record, groups))
        reached = Reached.read(folder / name for name in groups)
    for test in sorted(reached.failed):
        print(f"fails without a mutant, so it notices none: {test}")
    return reached


if __name__ == "__main__":
    sys.exit(main())
