"""`make sabotage`: apply each kept mutation alone in a scratch copy and see that a test notices.

Exit code 0: all noticed. 1: one survived, no longer applies, or could not be judged. 2: the tests fail without any mutation.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.sabotage.applying import NotApplicable, mutated
from tests.sabotage.kept import all_mutations
from tests.sabotage.mutation import Mutation, description
from tests.sabotage.running import PYTEST_PASSED, Result, ScratchCopy

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Parse the command line, run, report."""
    options = _options()
    mutations = [
        mutation for mutation in all_mutations() if options.only in mutation.name or options.only in mutation.place
    ]
    if not _all_apply(mutations):
        return 1
    if options.list:
        for mutation in mutations:
            print(f"{mutation.kind:8} {mutation.name}\n         {mutation.place}: {description(mutation.change)}")
        return 0
    with _scratch_copies(options.workers) as copies, ThreadPoolExecutor(options.workers) as threads:
        if not options.skip_baseline and not _passes_unharmed(copies, mutations):
            return 2
        results = []
        for result in threads.map(lambda mutation: _in_a_copy(copies, mutation, options.limit), mutations):
            results.append(result)
            print(
                f"[{len(results)}/{len(mutations)}] {result.outcome:8} {result.seconds:4.0f} s  {result.mutation.name}"
            )
            print(f"      {result.by}", flush=True)
    return _report(results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make sabotage ARGS=…", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutations with this in their name or place")
    parser.add_argument("--list", action="store_true", help="list them, check that they apply, and run nothing")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time (2)")
    parser.add_argument("--limit", type=float, default=300.0, metavar="SECONDS", help="for one mutation (300)")
    parser.add_argument("--skip-baseline", action="store_true", help="do not run the tests without a mutation first")
    return parser.parse_args()


def _all_apply(mutations: Sequence[Mutation]) -> bool:
    problems = []
    for mutation in mutations:
        try:
            mutated(mutation, (ROOT / mutation.path).read_text())
        except (NotApplicable, SyntaxError, OSError) as problem:
            problems.append(str(problem))
    print("".join(f"does not apply: {problem}\n" for problem in problems), end="")
    return not problems


@contextmanager
def _scratch_copies(count: int) -> Iterator["SimpleQueue[ScratchCopy]"]:
    # Below a folder that others may enter: a PostgreSQL that root starts runs as nobody.
    with tempfile.TemporaryDirectory(prefix="pingcrm-sabotage-") as folder:
        copies: SimpleQueue[ScratchCopy] = SimpleQueue()
        for number in range(count):
            copies.put(ScratchCopy(ROOT, Path(folder) / str(number)))
        yield copies


def _in_a_copy(copies: "SimpleQueue[ScratchCopy]", mutation: Mutation, limit_seconds: float) -> Result:
    copy = copies.get()
    try:
        return copy.try_mutation(mutation, limit_seconds)
    finally:
        copies.put(copy)


def _passes_unharmed(copies: "SimpleQueue[ScratchCopy]", mutations: Sequence[Mutation]) -> bool:
    """A test that fails anyway notices nothing."""
    tests = tuple(sorted({argument for mutation in mutations for argument in mutation.noticed_by}))
    if not tests:
        return True
    print(f"First without harm: {len(tests)} tests and files …", flush=True)
    copy = copies.get()
    try:
        code, output = copy.run_tests(tests, limit_seconds=1800)
    finally:
        copies.put(copy)
    if code != PYTEST_PASSED:
        print(output[-5000:])
    return code == PYTEST_PASSED


def _report(results: Sequence[Result]) -> int:
    bad = [result for result in results if result.outcome != "noticed"]
    for result in bad:
        mutation = result.mutation
        print(f"\n{result.outcome}: {mutation.name}\n  {mutation.place}: {description(mutation.change)}\n  {result.by}")
    print(f"\n{len(results) - len(bad)} of {len(results)} mutations noticed.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
