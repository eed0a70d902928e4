"""Runs tests in forks of a process that has the libraries imported already, which halves the time of a mutant.

`python -m tests.mutants.forking READ WRITE` in a scratch copy, with the numbers of two pipes: a job per line comes in, a verdict per
line goes out. Nothing of the product is imported before the fork, and no loop, thread or connection is alive then: each fork finds
the mutated module as it is.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterable
from time import monotonic, sleep
from typing import Any

PRELOADED = (
    "aiogoogle aiohttp anthropic asyncpg faststream hypothesis.strategies icalendar jinja2 libcst nats orjson phonenumbers "
    "pydantic_settings pytest redis.asyncio rich structlog typer uuid_utils"
)
LATE_REWRITE = "ignore::pytest.PytestAssertRewriteWarning"  # plugins are imported before pytest begins
OPTIONS = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", "--no-header", "-W", LATE_REWRITE)
OUTPUT_BYTES = 6000


def main() -> None:
    """Serve until the pipe is closed."""
    import importlib

    for name in PRELOADED.split():
        importlib.import_module(name)
    read, write = map(int, sys.argv[1:])
    with os.fdopen(read) as jobs, os.fdopen(write, "w") as verdicts:
        for line in jobs:
            job = json.loads(line)
            print(json.dumps(_run(job["files"], job["tests"], job["seconds"])), file=verdicts, flush=True)


def _run(files: list[str], tests: list[str], limit_seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.setsid()
            for descriptor in (1, 2):
                os.dup2(output.fileno(), descriptor)
            _test_and_exit(files, tests)
        code = wait_for(child, limit_seconds)
        end = output.seek(0, os.SEEK_END)
        output.seek(max(0, end - OUTPUT_BYTES))
        return {"code": code, "output": output.read().decode(errors="replace")}


def wait_for(child: int, limit_seconds: float) -> int | None:
    """The exit code of a fork; None: it was stopped, because it had not ended in time."""
    began = monotonic()
    signals = iter((signal.SIGTERM, signal.SIGKILL))
    limit, stopped = limit_seconds, False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return None if stopped else os.waitstatus_to_exitcode(status)
        if monotonic() - began > limit:
            os.killpg(child, next(signals))
            stopped, limit = True, limit + 10
        sleep(0.02)


def _test_and_exit(files: list[str], tests: list[str]) -> None:
    code = 3
    try:
        import pytest

        from tests.mutants import few_examples

        code = int(pytest.main([*OPTIONS, *files], plugins=[_Only(tests), few_examples]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class _Only:
    """Runs these tests, in this order. A file whose tests have other names now, because of the mutant, runs as a whole."""

    def __init__(self, tests: Iterable[str]) -> None:
        self._rank = {name: rank for rank, name in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        gone = set(self._rank) - {item.nodeid for item in items}
        renamed = {name.split("::")[0] for name in gone}
        items[:] = [item for item in items if item.nodeid in self._rank or item.nodeid.split("::")[0] in renamed]
        items.sort(key=lambda item: self._rank.get(item.nodeid, len(self._rank)))


if __name__ == "__main__":
    main()
