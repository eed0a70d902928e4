"""Programs of somebody else's on the bus, each a process of its own: what `pingcrm integration` prints, and docs/build as it stands."""

import asyncio
import csv
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from libs.local import ROOT
from libs.local.cli import app

CONNECTOR, LISTENER = str(ROOT / "docs/build/bus_connector.py"), str(ROOT / "docs/build/bus_listener.py")


async def pingcrm(data_dir: Path, *arguments: str, code: int = 0) -> str:
    """The output of a command."""
    ended = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--data-dir", str(data_dir)])
    assert ended.exit_code == code, ended.output
    return ended.output


def url_in(output: str) -> str:
    """Where the integration connects whose program was printed."""
    found = re.search(r'nats\.connect\(\["(nats://[^"]+)"\]', output)
    assert found, output
    return found[1]


async def start(*command: str, stdin: bool = False, **environment: str) -> asyncio.subprocess.Process:
    """Our Python runs it, with these variables and no others."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-u", *command, stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip


async def report(url: str, user_id: str, message: dict[str, str]) -> None:
    """Run the connector over one message."""
    reporting = await start(CONNECTOR, PINGCRM_BUS_URL=url, PINGCRM_USER_ID=user_id, stdin=True)
    assert await reporting.communicate(json.dumps(message).encode() + b"\n") == (b"", None)
    assert reporting.returncode == 0


def lines_of(sheet: Path) -> list[tuple[str, Any]]:
    """What the listener has written: which event, and its payload."""
    if not sheet.exists():
        return []
    with sheet.open(newline="") as lines:
        return [(row[2], json.loads(row[3])) for row in csv.reader(lines)]
