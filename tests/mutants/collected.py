"""Runs tests in forks of a process that has collected them all: a mutant of a function takes as long as its tests.

A fork exchanges the code of the functions that differ, in place, so that whoever imported them has the mutant. What only an import
would show (tables, defaults) is not for here, and neither is the last word on a survivor: tests.mutants.forking has both.

`python -m tests.mutants.collected READ WRITE TEST…`: the numbers of two pipes, and what to collect. Nothing has run before the
fork but the collection: no loop, thread or connection is alive.
"""

import gc
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any

import pytest

from tests.mutants import few_examples
from tests.mutants.forking import LATE_REWRITE, wait_for

NOT_APPLICABLE = 77
OUTPUT_BYTES = 6000
OPTIONS = (*("-q", "-s", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--timeout=0"), *("-W", LATE_REWRITE))


class Server:
    """A pytest plugin that takes the place of its loop over the tests."""

    def __init__(self, read: int, write: int) -> None:
        self._jobs = os.fdopen(read)
        self._verdicts = os.fdopen(write, "w")
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """In a fork: remember what failed."""
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Serve until the pipe is closed."""
        items = {item.nodeid: item for item in session.items}
        gc.collect()
        functions = [found for found in gc.get_objects() if isinstance(found, FunctionType)]
        gc.freeze()
        for line in self._jobs:
            job = json.loads(line)
            of_module = [function for function in functions if function.__code__.co_filename == job["path"]]
            print(json.dumps(self._fork(job, of_module, items)), file=self._verdicts, flush=True)
        return True

    def _fork(self, job: Mapping[str, Any], functions: list[FunctionType], items: Mapping[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryFile() as output:
            child = os.fork()
            if child == 0:
                os.setsid()
                for descriptor in (1, 2):
                    os.dup2(output.fileno(), descriptor)
                self._test_and_exit(job, functions, items)
            code = wait_for(child, job["seconds"])
            end = output.seek(0, os.SEEK_END)
            output.seek(max(0, end - OUTPUT_BYTES))
            return {"code": code, "output": output.read().decode(errors="replace")}

    def _test_and_exit(self, job: Mapping[str, Any], functions: list[FunctionType], items: Mapping[str, Any]) -> None:
        code = 3
        try:
            if not _exchange(functions, job["text"], job["path"]):
                code = NOT_APPLICABLE
                return
            code = int(self._fails([items[name] for name in job["tests"] if name in items]))
        finally:
            for name in self._failed:
                print(f"\nFAILED {name}")  # on a line of its own: the progress of the tests has none
            sys.stdout.flush()
            os._exit(code)

    def _fails(self, items: list[Any]) -> bool:
        for item, next_item in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None if self._failed else next_item)
            if self._failed:
                item.session._setupstate.teardown_exact(None)
                return True
        return False


def _exchange(functions: list[FunctionType], text: str, path: str) -> int:
    """How many functions have other code now."""
    changed = _codes(compile(text, path, "exec", dont_inherit=True))
    exchanged = 0
    for function in functions:
        code = changed.get(function.__code__.co_qualname)
        if code is not None and code != function.__code__ and code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code
            exchanged += 1
    return exchanged


def _codes(code: CodeType) -> dict[str, CodeType]:
    found = {}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found[constant.co_qualname] = constant
            found |= _codes(constant)
    return found


def main() -> None:
    """Collect, then serve."""
    read, write, *tests = sys.argv[1:]
    sys.exit(pytest.main([*OPTIONS, *tests], plugins=[Server(int(read), int(write)), few_examples]))


if __name__ == "__main__":
    main()
