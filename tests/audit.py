"""`make audit`: whether a pinned package has a known vulnerability, by pip-audit and the advisories of PyPI.

Exit code 0: none that could be compared has; how many could not is told. 1: one has, or something is wrong with the pins.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from libs.local import ROOT

ADVISORIES = "https://pypi.org/pypi/pip/json"
TIMEOUT_SECONDS = 10
PINS = "requirements-dev.txt"  # those of requirements.txt are among them


def why_unreachable(url: str = ADVISORIES) -> str:
    """Why the advisories can't be asked; empty where they can."""
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            response.read(1)
    except URLError as error:
        return str(error.reason)
    except (OSError, HTTPException) as error:
        return str(error) or type(error).__name__
    return ""


def report(dependencies: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each vulnerability, and one that tells how much was compared: pip-audit passes over what PyPI does not know."""
    compared = [found for found in dependencies if "skip_reason" not in found]
    lines = [
        f"{found['name']} {found['version']}: {vulnerability['id']}, mended in {', '.join(vulnerability['fix_versions']) or 'none yet'}"
        for found in compared
        for vulnerability in found["vulns"]
    ]
    return [*lines, f"{len(compared)} of {len(dependencies)} pins were compared, {len(lines)} known vulnerabilities."]


def main() -> int:
    if reason := why_unreachable():
        print(f"Skipped: the advisories at {ADVISORIES} can't be reached ({reason}). Nothing was compared.")
        return 0
    # Pinned with hashes, so nothing has to be resolved or installed for it.
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner=off",
        "--format=json",
    ]
    done = subprocess.run([*command, "--requirement", str(ROOT / PINS)], capture_output=True, text=True)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(done.stderr, file=sys.stderr)
        return done.returncode or 1
    print(*report(dependencies), sep="\n")
    return int(any(found.get("vulns") for found in dependencies))


if __name__ == "__main__":
    sys.exit(main())
