"""`pingcrm up`: the stack in the foreground until it is stopped."""

import asyncio
import os
from pathlib import Path

from rich.console import Console

from libs.common.config import Settings
from libs.local.demo_folder import remove_abandoned_folders
from libs.local.doctor import check_names, examine
from libs.local.readiness import StackFailed
from libs.local.stop_signals import until_signalled
from libs.local.supervisor import Stack


async def up(data_dir: Path, port: int | None, console: Console, *, log_files: bool, new_secrets: bool = False) -> None:
    """Until the first signal that ends a command, which may come while it still starts. Raises StackFailed, and what a stack raises."""
    async with until_signalled(lambda: console.print("Stopping …")):
        await _refuse(data_dir, port, new_secrets=new_secrets)
        await _serve(data_dir, port, console, log_files=log_files, new_secrets=new_secrets)


async def _refuse(data_dir: Path, port: int | None, *, new_secrets: bool) -> None:
    """What `pingcrm doctor` finds wrong would only fail later, and less clearly."""
    found = examine(os.environ, data_dir, port, new_secrets=new_secrets, place="up")
    findings = [finding async for finding in found]
    if wrong := [finding.sentence for finding in findings if finding.level == "wrong"]:
        raise StackFailed("\n".join(wrong))


async def _serve(data_dir: Path, port: int | None, console: Console, *, log_files: bool, new_secrets: bool) -> None:
    def report(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    for finding in check_names(os.environ):
        report(finding.sentence)
    await remove_abandoned_folders(report)
    report(f"Starting PingCRM on {data_dir} …")
    overrides = {"PINGCRM_PORT": str(Settings().port if port is None else port)}
    async with Stack.start(data_dir, overrides, log_files=log_files, new_secrets=new_secrets, report=report) as stack:
        console.print(f"PingCRM is at [bold]{stack.public_url}[/]", highlight=False)
        if not os.environ.get("PINGCRM_GOOGLE_CLIENT_ID"):
            report("No Google client is set up: `pingcrm doctor` says how, `pingcrm demo` shows PingCRM without one.")
        if log_files:
            report(f"Logs: {data_dir / 'logs'}. Ctrl-C stops everything.")
        await asyncio.Event().wait()
