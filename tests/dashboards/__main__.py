"""`make dashboards`: every panel of the dashboards in deploy/ with the numbers that it gives of a product under load, in three minutes.

Exit code 0: each panel has some; 1: one has none, or a wrong query; 2: there is no Prometheus (`make promtool`).
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, time

from playwright.async_api import async_playwright
from rich.console import Console

from tests.browser.chromium import find_chromium
from tests.browser.screens import Camera, Screen
from tests.dashboards.load import Loaded, Publish, Size, under_load
from tests.dashboards.numbers import Shown, of_logs, of_metrics
from tests.dashboards.report import show
from tests.support.prometheus import PROMETHEUS

FIRING = 'group by (alertname) (ALERTS{alertstate="firing"})'
PICTURES = (Screen("operations-under-load", "/operations"),)


@dataclass(frozen=True)
class Found:
    """What the panels showed, and the alerts that fired at the end."""

    rows: Sequence[Shown]
    firing: Sequence[str]

    @property
    def problems(self) -> list[str]:
        return [f"{row.panel}: {row.problem}" for row in self.rows if row.problem]


async def measure(folder: Path, program: str, size: Size, publish: Publish, *, pictures: bool = False) -> Found:
    """A load of this size, and what the panels show of it."""
    async with under_load(folder, program, size, publish) as loaded:
        publish(f"{size.seconds:.0f} s under load")
        end = time() + size.seconds
        if pictures:
            await _take_pictures(loaded)
        await asyncio.sleep(max(end - time(), 0))
        publish("the panels")
        end = time()
        rows = [row async for row in of_metrics(loaded.prometheus, loaded.begun, end)]
        firing = await loaded.prometheus.query(FIRING, end, end, 1)
        rows += of_logs(loaded.stage.stack.data_dir / "logs")
    return Found(rows, sorted(series.labels["alertname"] for series in firing))


async def _take_pictures(loaded: Loaded) -> None:
    """Of the operations page, into docs/screens; nothing where there is no Chromium."""
    if chromium := find_chromium():
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            await Camera(browser, loaded.owner, ()).take(PICTURES, {})
            await browser.close()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.dashboards", description=__doc__)
    parser.add_argument(
        "--accounts", type=int, default=Size.accounts, help="that are imported at once; default: %(default)s"
    )
    parser.add_argument("--messages", type=int, default=Size.messages, help="in each of them; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=Size.seconds, help="under load; default: %(default)s")
    parser.add_argument("--pictures", action="store_true", help="of the operations page, into docs/screens")
    parser.add_argument("--keep", action="store_true", help="keep data and logs, and say where they are")
    chosen = parser.parse_args(arguments)
    if PROMETHEUS is None:
        print("No Prometheus is installed: `make promtool` installs Debian's.")
        return 2
    console, begun = Console(width=None if sys.stdout.isatty() else 150), monotonic()
    folder = Path(tempfile.mkdtemp(prefix="pingcrm-dashboards-"))
    folder.chmod(0o755)  # a PostgreSQL that root starts runs as nobody

    def publish(sentence: str) -> None:
        console.print(f"[dim]{monotonic() - begun:6.1f} s  {sentence}[/]", highlight=False)

    size = Size(chosen.accounts, chosen.messages, chosen.seconds)
    try:
        found = asyncio.run(measure(folder, PROMETHEUS, size, publish, pictures=chosen.pictures))
    finally:
        if chosen.keep:
            console.print(f"Data and logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    show(console, found.rows, found.firing)
    console.print(f"Panels with a problem: {'; '.join(found.problems) or 'none'}.", highlight=False)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
