"""`pingcrm up`: the stack in the foreground until it is stopped."""

import asyncio
import os
from pathlib import Path

from rich.console import Console

from libs.local.demo_folder import remove_abandoned_folders
from libs.local.stop_signals import until_signalled
from libs.local.supervisor import Stack


async def up(data_dir: Path, port: int, console: Console, *, log_files: bool, new_secrets: bool = False) -> None:
    """Until the first signal that ends a command, which may come while it still starts."""
    async with until_signalled(lambda: console.print("Stopping …")):
        await _serve(data_dir, port, console, log_files=log_files, new_secrets=new_secrets)


async def _serve(data_dir: Path, port: int, console: Console, *, log_files: bool, new_secrets: bool) -> None:
    def report(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    await remove_abandoned_folders(report)
    report(f"Starting PingCRM on {data_dir} …")
    overrides = {"PINGCRM_PORT": str(port)}
    async with Stack.start(data_dir, overrides, log_files=log_files, new_secrets=new_secrets, report=report) as stack:
        console.print(f"PingCRM is at [bold]{stack.public_url}[/]", highlight=False)
        if not os.environ.get("PINGCRM_GOOGLE_CLIENT_ID"):
            report("No Google client is set up: `pingcrm doctor` says how, `pingcrm demo` shows PingCRM without one.")
        if log_files:
            report(f"Logs: {data_dir / 'logs'}. Ctrl-C stops everything.")
        await asyncio.Event().wait()
