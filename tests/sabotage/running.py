"""Run the tests that should notice a mutation, in a scratch copy of the checkout that nobody else uses."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from tests.sabotage.applying import mutated
from tests.sabotage.mutation import Mutation

Outcome = Literal["noticed", "survived", "broken"]
PYTEST_FAILED, PYTEST_PASSED = 1, 0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """How one mutation ended. `broken`: no verdict, because the tests could not be run; `by` then states why."""

    mutation: Mutation
    outcome: Outcome
    by: str
    seconds: float


class ScratchCopy:
    """A copy of the tracked files and of those that are new; one mutation at a time."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(listed, cwd=root, check=True, capture_output=True).stdout.decode().split("\0"):
            if name and (root / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, folder / name)

    def try_mutation(self, mutation: Mutation, limit_seconds: float) -> Result:
        """Apply it, run the tests that should notice, take it back."""
        file = self.folder / mutation.path
        original = file.read_text()
        file.write_text(mutated(mutation, original))
        try:
            return self._verdict(mutation, limit_seconds)
        finally:
            file.write_text(original)

    def _verdict(self, mutation: Mutation, limit_seconds: float) -> Result:
        began = monotonic()
        code, output = self.run_tests(mutation.noticed_by, limit_seconds)
        seconds = monotonic() - began
        failed = _FAILED.search(output)
        if code is None:
            return Result(
                mutation, "noticed", f"no end within {limit_seconds:.0f} s: {mutation.noticed_by[0]}", seconds
            )
        if code == PYTEST_FAILED and failed:
            return Result(mutation, "noticed", failed[1], seconds)
        if code == PYTEST_PASSED:
            return Result(mutation, "survived", ", ".join(mutation.noticed_by), seconds)
        return Result(mutation, "broken", f"pytest ended with {code}: {output[-2000:]}", seconds)

    def run_tests(self, arguments: tuple[str, ...], limit_seconds: float) -> tuple[int | None, str]:
        """pytest's exit code (None: it had not ended in time and was stopped, with all that it started) and its output."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            "--no-header",
            *arguments,
        ]
        environment = os.environ | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 15)
            try:
                output, _ = process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                output, _ = process.communicate()
            return None, output.decode(errors="replace")
        return process.returncode, output.decode(errors="replace")
