"""Try mutants in scratch copies of the checkout, each with a process of its own that forks for each of them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from tests.mutants.choosing import Choice
from tests.mutants.making import Mutant
from tests.sabotage.running import ScratchCopy

Outcome = Literal["killed", "survived", "no test near", "broken"]
PASSED, FAILED = 0, 1
FIRST_LOOK_SECONDS = 20.0
UNIT_LIMIT_SECONDS = 30.0
INTEGRATION_LIMIT_SECONDS = 90.0
# Of pytest's exit codes: failed, interrupted (a test file that can't be imported), internal error, usage error (the conftest).
NOTICED = (1, 2, 3, 4)


@dataclass(frozen=True)
class Result:
    """How one mutant ended; `by`: what noticed it, or what it got past."""

    mutant: Mutant
    outcome: Outcome
    by: str
    seconds: float


class Bench:
    """A scratch copy and its forking process."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._copy = ScratchCopy(root, folder)
        self.folder = folder
        self._changes = 0
        self._fresh = Served(folder, "tests.mutants.forking")
        self._collected: Served | None = None

    def collect(self, tests: Sequence[str], left_out: Sequence[str]) -> None:
        """Have a second process begin to import these tests and what they test. No mutant may be written before it has."""
        self._collected = Served(
            self.folder, "tests.mutants.collected", *(f"--ignore={path}" for path in left_out), *tests
        )

    def wait_until_collected(self) -> None:
        """It serves: to exchange nothing is its first job."""
        if self._collected:
            self._collected.ask({"path": "", "text": "", "tests": [], "seconds": FIRST_LOOK_SECONDS})

    def close(self) -> None:
        """End the processes."""
        self._fresh.close()
        if self._collected:
            self._collected.close()

    def try_mutant(self, mutant: Mutant, choice: Choice, *, quick: bool) -> Result:
        """Apply it, run the unit tests near, then the integration tests, take it back.

        `quick`: survivors of the first look get no second one in a process that imports the mutant.
        """
        began = monotonic()
        unit, integration = choice.tests_near(mutant)
        if not unit and not integration:
            return Result(mutant, "no test near", "", 0.0)
        if mutant.body and self._collected:
            code, by = self._first_look(self._collected, mutant, unit)
            if code == FAILED or (quick and code == PASSED):
                return Result(mutant, "killed" if code == FAILED else "survived", by, monotonic() - began)
        file = self.folder / mutant.module
        original = file.read_text()
        self._write(file, mutant.text)
        try:
            outcome, by = self._verdict(unit, UNIT_LIMIT_SECONDS)
            if outcome == "survived" and integration:
                outcome, by = self._verdict(integration, INTEGRATION_LIMIT_SECONDS)
        finally:
            self._write(file, original)
        return Result(mutant, outcome, by, monotonic() - began)

    def _first_look(self, collected: "Served", mutant: Mutant, tests: Sequence[str]) -> tuple[int | None, str]:
        """The code of the tests, and what noticed. Neither passed nor failed: too slow, or no function to exchange."""
        path = str((self.folder / mutant.module).resolve())
        code, output = collected.ask(
            {"path": path, "text": mutant.text, "tests": list(tests), "seconds": FIRST_LOOK_SECONDS}
        )
        return code, _noticed_by(output) if code == FAILED else f"{len(tests)} tests"

    def _write(self, file: Path, text: str) -> None:
        """With a time of its own: Python takes a file of the same second and size for unchanged."""
        file.write_text(text)
        self._changes += 1
        os.utime(file, (1_500_000_000 + self._changes,) * 2)

    def _verdict(self, tests: Sequence[str], limit_seconds: float) -> tuple[Outcome, str]:
        if not tests:
            return "survived", "no unit test"
        code, output = self._run(tests, limit_seconds)
        if code is None:
            return "killed", f"no end within {limit_seconds:.0f} s: {tests[0]}"
        if code == PASSED:
            return "survived", f"{len(tests)} tests, {tests[0]} …"
        if code in NOTICED:
            return "killed", _noticed_by(output)
        return "broken", f"pytest ended with {code}: {output[-1500:]}"

    def _run(self, tests: Sequence[str], limit_seconds: float) -> tuple[int | None, str]:
        files = list(dict.fromkeys(test.split("::")[0] for test in tests))
        return self._fresh.ask({"files": files, "tests": list(tests), "seconds": limit_seconds})


class Served:
    """A process that runs tests in forks: a job in JSON goes in, a verdict comes out, by pipes of their own."""

    def __init__(self, folder: Path, module: str, *arguments: str) -> None:
        read, self._write = os.pipe()
        self._read, write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(read), str(write), *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(read, write),
        )
        os.close(read)
        os.close(write)
        self._jobs = os.fdopen(self._write, "w")
        self._verdicts = os.fdopen(self._read)

    def ask(self, job: Mapping[str, object]) -> tuple[int | None, str]:
        """The exit code of the tests (None: they did not end in time) and the end of their output."""
        print(json.dumps(job), file=self._jobs, flush=True)
        verdict = json.loads(self._verdicts.readline())
        return verdict["code"], verdict["output"]

    def close(self) -> None:
        """End the process."""
        self._jobs.close()
        self._process.wait()
        self._verdicts.close()


def _noticed_by(output: str) -> str:
    return next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "no import")


def record_reached(
    folder: Path, modules: Sequence[str], tests: Sequence[str], left_out: Sequence[str], target: Path
) -> str:
    """Run tests without a mutant and write what they reach; returns pytest's output."""
    ignored = [f"--ignore={test}" for test in left_out]
    plugins = ["-p", "tests.mutants.reached", "-p", "tests.mutants.few_examples", "-p", "no:cacheprovider"]
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PINGCRM_MUTANTS_REACHED": str(target),
        "PINGCRM_MUTANTS_MODULES": ":".join(modules),
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "--no-header", *plugins, *ignored, *tests],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    ).stdout
