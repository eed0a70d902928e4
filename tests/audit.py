"""`make audit`: whether a pinned package has a known vulnerability, by pip-audit and the advisories of PyPI.

Exit code 0: none has; or the advisories could not be reached, which is told. 1: one has, or something is wrong with the pins.
"""

import subprocess
import sys
from http.client import HTTPException
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


def main() -> int:
    if reason := why_unreachable():
        print(f"Skipped: the advisories at {ADVISORIES} can't be reached ({reason}). Nothing was compared.")
        return 0
    # Pinned with hashes, so nothing has to be resolved or installed for it.
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--progress-spinner=off"]
    return subprocess.run([*command, "--requirement", str(ROOT / PINS)]).returncode


if __name__ == "__main__":
    sys.exit(main())
