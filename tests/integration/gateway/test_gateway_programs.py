"""The programs of docs/build that call the HTTP API run as they stand, against all services: with curl, and with generated clients."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import generate_latest

from libs.local import ROOT
from tests.integration.gateway.test_gateway_hostile_input import api

__all__ = ["api"]

Api = tuple[aiohttp.ClientSession, dict[str, str]]
BUILD = ROOT / "docs" / "build"
DOCUMENT = ROOT / "docs" / "openapi.json"
PAGE = (BUILD / "api.md").read_text()
NODE_MODULES = ROOT / "tests" / "support" / "typescript" / "node_modules"
ALL = {
    "GET /api/v1/me", "POST /api/v1/contacts", "PATCH /api/v1/contacts/{contact_id}", "GET /api/v1/contacts/{contact_id}",
    "POST /api/v1/contacts/{contact_id}/interactions", "GET /api/v1/contacts/{contact_id}/interactions", "GET /api/v1/contacts",
    "GET /api/v1/meetings", "DELETE /api/v1/contacts/{contact_id}",
}  # fmt: skip
BY_CURL = ALL | {"GET /api/v1/settings"}
BY_CLIENT = ALL | {"GET /api/v1/me/export"}
_SERVED = re.compile(r'pingcrm_http_request_seconds_count\{method="(\w+)",route="([^"]+)",status="(\d+)"\} (\S+)')


async def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """What a program prints; it has to end well."""
    program = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await program.communicate()
    assert program.returncode == 0, printed.decode()
    return printed.decode()


def served() -> dict[tuple[str, str], float]:
    """How often the gateway has answered, by operation and status."""
    found = _SERVED.findall(generate_latest().decode())
    return {(f"{method} {route}", status): float(times) for method, route, status, times in found}


async def call_by(
    client: aiohttp.ClientSession, *command: str | Path, folder: Path, scopes: list[str]
) -> tuple[str, set[str]]:
    """What a program prints, and which operations it has called with success; that it was refused none is asserted."""
    async with client.post("/api/v1/tokens", json={"name": "a program", "scopes": scopes}) as response:
        token = (await response.json())["secret"]
    before = served()
    url = str(client._base_url).rstrip("/")
    printed = await run(*command, folder=folder, PINGCRM_URL=url, PINGCRM_TOKEN=token)
    called = {place for place, times in served().items() if times > before.get(place, 0)}
    assert {status[0] for _, status in called} == {"2"}, called
    return printed, {operation for operation, _ in called}


def command_of_the_page(*words: str, **instead: str | Path) -> list[str | Path]:
    """A command that stands in api.md, with the names of its words replaced by what is in their place here."""
    assert f"\n{' '.join(words)}\n" in PAGE
    return [instead.get(word.partition(".")[0], word) for word in words]


async def test_the_calls_with_curl_and_the_generated_python_client_work_as_they_are_documented(
    api: Api, tmp_path: Path
) -> None:
    client, _ = api
    printed, called = await call_by(client, "sh", BUILD / "api.sh", folder=tmp_path, scopes=["read", "write"])
    assert called == BY_CURL
    assert '"title":"On the engine"' in printed

    generate = command_of_the_page(
        "openapi-python-client", "generate", "--path", "openapi.json", "--config", "api_client.yaml", "--meta", "none",
        "--output-path", "pingcrm_client", openapi=DOCUMENT, api_client=BUILD / "api_client.yaml",
    )  # fmt: skip
    generate[0] = Path(sys.executable).with_name("openapi-python-client")
    # A warning is an operation, a reply or a model that the client would not have.
    await run(*generate, "--fail-on-warning", folder=tmp_path)
    shutil.copy(BUILD / "api_client.py", tmp_path)
    scopes = ["read", "write", "account"]
    printed, called = await call_by(client, sys.executable, "api_client.py", folder=tmp_path, scopes=scopes)
    assert called == BY_CLIENT
    assert "Ada Lovelace, Analytical Engines: " in printed
    assert " note: On the engine\n" in printed
    assert (tmp_path / "pingcrm.zip").read_bytes().startswith(b"PK")


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node on this machine")
@pytest.mark.skipif(not NODE_MODULES.exists(), reason="the packages of Node are not installed: make typescript")
async def test_the_generated_typescript_client_fits_its_types_and_works(api: Api, tmp_path: Path) -> None:
    client, _ = api
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    shutil.copy(BUILD / "api_client.mts", tmp_path)
    generate = command_of_the_page(
        "npx", "openapi-typescript", "openapi.json", "--default-non-nullable=false", "--output", "pingcrm.d.ts",
        openapi=DOCUMENT,
    )[1:]  # fmt: skip
    await run(NODE_MODULES / ".bin" / "openapi-typescript", *generate[1:], folder=tmp_path)
    check = command_of_the_page(
        "npx", "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "api_client.mts"
    )
    await run("node", NODE_MODULES / "typescript-7" / "bin" / "tsc", *check[2:], folder=tmp_path)
    scopes = ["read", "write", "account"]
    printed, called = await call_by(client, "node", "api_client.mjs", folder=tmp_path, scopes=scopes)
    assert called == BY_CLIENT
    assert "Ada Lovelace, Analytical Engines: " in printed
