"""The local Google's command line: what can't be served is told in a sentence."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from libs.local import ROOT


def google(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that was printed, on one line."""
    command = [sys.executable, "-m", "libs.google_sim", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, " ".join((ended.stdout + ended.stderr).replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--account", "ada"], "--account ada: this is no email address."),
        (["--account", "ada@example.org", "--mail", "README.md"], "README.md is no mail file."),
        (["--sample", "--quota-status", "500"], "Invalid value for --quota-status: 403 or 429"),
    ],
)
def test_wrong_options_end_with_a_sentence(arguments: list[str], sentence: str) -> None:
    code, claimed = google(*arguments)
    assert code == 2
    assert sentence in claimed
    assert "Traceback" not in claimed


def test_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, claimed = google("--account", "ada@example.org", "--port", str(taken.getsockname()[1]))
    assert code == 1
    assert claimed.startswith("The local Google can't start: ")
    assert "Traceback" not in claimed
