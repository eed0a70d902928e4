"""Whether the services are ready: each is asked over HTTP until it is, or ends again and again."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from libs.local.keep_alive import ServiceProcess
from libs.local.waiting import Report, explained

READY_POLL_SECONDS = 0.03
EXITS_ALLOWED = 3


class StackFailed(Exception):
    """The product can't be started; the message explains it to the person at the terminal."""


async def until_ready(services: Mapping[str, ServiceProcess], timeout: float, report: Report) -> None:
    """Wait for each, by the URL of its readiness. StackFailed where one keeps ending, or `timeout` seconds are over."""
    missing = {service.name: "not there yet" for service in services.values()}

    def what() -> str:
        return ", ".join(f"{name} ({reason})" for name, reason in missing.items())

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session, explained(what, report):
        await asyncio.gather(
            *(_until_ready(session, url, service, timeout, missing) for url, service in services.items())
        )


async def _until_ready(
    session: aiohttp.ClientSession, url: str, service: ServiceProcess, timeout: float, missing: dict[str, str]
) -> None:
    exits, deadline = service.exits, asyncio.get_running_loop().time() + timeout
    while (reason := await _why_not_ready(session, url)) is not None:
        missing[service.name] = reason
        if service.exits - exits >= EXITS_ALLOWED:
            raise StackFailed(f"{service.name} ends again and again.{_words(service)}")
        if asyncio.get_running_loop().time() > deadline:
            raise StackFailed(f"{service.name} was not ready within {timeout:.0f} s: {reason}.{_words(service)}")
        await asyncio.sleep(READY_POLL_SECONDS)
    missing.pop(service.name, None)


async def _why_not_ready(session: aiohttp.ClientSession, url: str) -> str | None:
    """None where it is ready; else which of its checks have failed."""
    with suppress(aiohttp.ClientError, TimeoutError, ValueError):
        async with session.get(url) as response:
            if response.status == 200:
                return None
            checks: dict[str, str] = (await response.json())["checks"]
            return ", ".join(f"{name}: {state}" for name, state in checks.items() if state != "ok")
    return "not there yet"


def _words(service: ServiceProcess) -> str:
    """The end of what it printed, below the sentence; nothing where that went to the terminal."""
    if service.log is None:
        return ""
    printed = service.last_lines()
    return f" It printed last:\n{printed}" if printed else " It printed nothing."
