"""`pingcrm up`: the stack in the foreground until it is stopped."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from libs.local.supervisor import Stack


async def up(data_dir: Path, port: int, console: Console, *, log_files: bool) -> None:
    """Until the first SIGINT or SIGTERM, which may come while it still starts; further ones change nothing."""
    running = asyncio.current_task()
    assert running is not None
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            console.print("Stopping …")
            running.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await _serve(data_dir, port, console, log_files=log_files)


async def _serve(data_dir: Path, port: int, console: Console, *, log_files: bool) -> None:
    def report(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    report(f"Starting PingCRM on {data_dir} …")
    overrides = {"PINGCRM_PORT": str(port)}
    async with Stack.start(data_dir, overrides, log_files=log_files, report=report) as stack:
        console.print(f"PingCRM is at [bold]{stack.public_url}[/]", highlight=False)
        if not os.environ.get("PINGCRM_GOOGLE_CLIENT_ID"):
            report("No Google client is set up: `pingcrm doctor` says how, `pingcrm demo` shows PingCRM without one.")
        if log_files:
            report(f"Logs: {data_dir / 'logs'}. Ctrl-C stops everything.")
        await asyncio.Event().wait()
