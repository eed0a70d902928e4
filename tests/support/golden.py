"""Golden files: what people read, to the letter, under tests/golden.

`PINGCRM_WRITE_GOLDEN=1 pytest <the test>` writes those of a test anew; the difference is then read by a person.
"""

import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
WRITING = os.environ.get("PINGCRM_WRITE_GOLDEN") == "1"  # read before the tests are given an environment of their own


def assert_golden(name: str, actual: str) -> None:
    """The file of this name below tests/golden has exactly this text."""
    file = GOLDEN / name
    if WRITING:
        file.write_text(actual, newline="")
    assert file.exists(), f"write it with PINGCRM_WRITE_GOLDEN=1: {file}"
    assert actual == file.read_bytes().decode(), f"{name} is another"
