"""`make browser`: find a Chromium, or fetch one: Playwright's own, else Debian's package as root.

Exit code 0: one is there, and printed is where; 1: none can be had here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """The program: that of PINGCRM_CHROMIUM, an installed one, or Playwright's own; None where there is none."""
    if chosen := os.environ.get("PINGCRM_CHROMIUM"):
        return chosen
    for name in INSTALLED:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def main() -> int:
    """Try the ways in turn."""
    ways: Sequence[Sequence[str]] = (
        (sys.executable, "-m", "playwright", "install", "chromium"),
        ("sh", "-c", "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium"),
    )
    for way in ways:
        if found := find_chromium():
            break
        print(f"No Chromium yet. Trying: {' '.join(way[-3:])} …", flush=True)
        subprocess.run(way, check=False, timeout=900)
    found = find_chromium()
    print(found or "No Chromium can be had here: install one, or set PINGCRM_CHROMIUM to its program.")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
