"""`python -m libs.local.healthcheck`, as the health check of a container runs it."""

import asyncio
import os
import sys

import pytest
from aiohttp import web

from libs.common.web import health_routes, port_of, serve
from libs.local import ROOT
from libs.local.ports import free_port


async def check(port: int) -> tuple[int | None, str]:
    """Its exit code, and what it prints. Without the packages that are installed: it starts every ten seconds in five containers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-m", "libs.local.healthcheck", cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PINGCRM_HEALTH_PORT": str(port)},
    )  # fmt: skip
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


@pytest.mark.parametrize(("works", "code", "reported"), [(True, 0, '"ok"'), (False, 1, "ConnectionError")])
async def test_a_container_is_healthy_when_its_service_is_ready(works: bool, code: int, reported: str) -> None:
    async def ask_the_database() -> None:
        if not works:
            raise ConnectionError

    app = web.Application()
    app.add_routes(health_routes({"db": ask_the_database}))
    runner = await serve(app, "127.0.0.1", 0)
    try:
        returned, printed = await check(port_of(runner))
    finally:
        await runner.cleanup()
    assert returned == code
    assert reported in printed


async def test_a_service_that_does_not_listen_is_not_healthy() -> None:
    returned, printed = await check(free_port())
    assert returned == 1
    assert "refused" in printed
