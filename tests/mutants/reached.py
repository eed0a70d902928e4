"""A pytest plugin that records which lines of the modules each test executes, how long it takes, and whether it passes.

Loaded with `-p tests.mutants.reached`; the file to write is in PINGCRM_MUTANTS_REACHED, the modules in PINGCRM_MUTANTS_MODULES.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import coverage
import pytest

# Read when the plugin is loaded: a fixture of the tests takes such settings out of the environment.
_TARGET = Path(os.environ["PINGCRM_MUTANTS_REACHED"])
_MODULES = os.environ["PINGCRM_MUTANTS_MODULES"].split(":")
_recorder = coverage.Coverage(data_file=None, include=[str(Path(module).resolve()) for module in _MODULES])
_recorder.set_option("run:disable_warnings", ["no-data-collected"])  # a folder of tests may reach none of the modules
_seconds: dict[str, float] = defaultdict(float)
_failed: set[str] = set()


def pytest_configure() -> None:
    """Begin to record."""
    _recorder.start()


def pytest_runtest_logstart(nodeid: str) -> None:
    """What is executed from here on is this test's."""
    _recorder.switch_context(nodeid)


def pytest_runtest_logfinish() -> None:
    """And from here on nobody's."""
    _recorder.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Durations and failures, with those of fixtures."""
    _seconds[report.nodeid] += report.duration
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write what was recorded."""
    _recorder.stop()
    data = _recorder.get_data()
    lines: dict[str, dict[str, list[int]]] = {}
    for module in _MODULES:
        by_test: dict[str, Any] = defaultdict(list)
        for line, tests in data.contexts_by_lineno(str(Path(module).resolve())).items():
            for test in tests:  # "" for what no test executes, but the import of the module
                by_test[test].append(line)
        lines[module] = by_test
    _TARGET.write_text(json.dumps({"lines": lines, "seconds": _seconds, "failed": sorted(_failed)}))
