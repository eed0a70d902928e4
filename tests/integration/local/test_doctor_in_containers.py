"""`pingcrm doctor` inside of each container of docker-compose.yml: with what it is given there and nothing else, on real servers."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from libs.common.ids import SERVICES, Service
from libs.local import ROOT
from libs.local.doctor import Finding, examine
from libs.local.ports import free_port
from libs.local.secrets import Secrets
from libs.local.servers import Nats, ServerFailed
from libs.local.servers import majors as postgres_programs
from libs.local.servers import nats as nats_server_wheel
from libs.local.servers import valkey as valkey_wheel
from libs.local.urls import nats_url
from tests.support.database import Database

HOME = Path("/nonexistent/.local/share/pingcrm")  # of the image's user
CLIENT = {"PINGCRM_GOOGLE_CLIENT_ID": "client", "PINGCRM_GOOGLE_CLIENT_SECRET": "the-client-secret"}
REFERENCE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
# Good to know, and true of these servers and settings.
EXPECTED_NOTES = {"PINGCRM_GOOGLE_PUBSUB_TOPIC", "PINGCRM_ANTHROPIC_API_KEY"}


def missing() -> None:
    raise ServerFailed("The package is not installed.")


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Where a service listens already, as whoever looks into its container finds it."""
    with socket.create_server(("0.0.0.0", free_port())) as server:
        yield server.getsockname()[1]


class Containers:
    """The variables of each container, with the addresses of this test's servers in the place of the names in the file."""

    def __init__(self, env_file: Mapping[str, str], addresses: Mapping[str, str]) -> None:
        self.env_file = env_file
        self.addresses = addresses
        self.services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

    def variables(self, name: str) -> dict[str, str]:
        """Those without a value are passed on where they are set, as Compose does."""
        given = self.services[name]["environment"]
        found = {
            key: self.env_file.get(key) if value is None else self._resolved(value) for key, value in given.items()
        }
        return {key: value for key, value in found.items() if value is not None}

    def _resolved(self, text: str) -> str:
        text = REFERENCE.sub(lambda match: self.env_file.get(match[1]) or match[2] or "", text)
        for inside, outside in self.addresses.items():
            text = text.replace(f"@{inside}", f"@{outside}")
        return text


@pytest.fixture
def containers(
    database: Database,
    nats_server: Nats,
    redis_url: str,
    secrets: Secrets,
    taken_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> Containers:
    """On servers that run. The image has no wheel of any of them."""
    monkeypatch.setattr(nats_server_wheel, "program", missing)
    monkeypatch.setattr(postgres_programs, "programs", missing)
    monkeypatch.setattr(valkey_wheel, "program", missing)
    postgres, redis = urlsplit(database.admin_url), urlsplit(redis_url)
    addresses = {
        "postgres:5432/pingcrm": f"{postgres.hostname}:{postgres.port}{postgres.path}",
        "nats:4222": f"127.0.0.1:{nats_server.port}",
        "valkey:6379": f"{redis.hostname}:{redis.port}",
    }
    found = Containers({**secrets, **CLIENT}, addresses)
    for name in SERVICES:
        found.services[name]["environment"]["PINGCRM_PORT"] = str(taken_port)
    return found


async def findings(environment: Mapping[str, str]) -> list[Finding]:
    return [finding async for finding in examine(environment, HOME)]


def complaints(found: list[Finding]) -> list[str]:
    return [finding.sentence for finding in found if finding.level in ("wrong", "todo")]


@pytest.mark.parametrize("name", [*SERVICES, "migrate"])
async def test_nothing_is_wrong_in_a_container_that_works(containers: Containers, name: str) -> None:
    found = await findings(containers.variables(name))
    assert complaints(found) == []
    notes = {finding.sentence.split()[0] for finding in found if finding.level == "note"}
    assert notes <= EXPECTED_NOTES, notes
    assert ("PINGCRM_ANTHROPIC_API_KEY" in notes) == (name == "prep"), "who is given it misses it"
    command = "migrate" if name == "migrate" else f"run {name}"
    assert Finding("ok", f"The variables are those of `pingcrm {command}`: what that needs is looked at.") in found
    servers = {finding.sentence.split()[0] for finding in found if finding.sentence.endswith(" answers.")}
    assert servers == {"PostgreSQL", "NATS"} | ({"Redis"} if name != "migrate" else set())


@pytest.mark.parametrize("name", ["gateway", "migrate"])
async def test_the_command_ends_well_in_a_container_that_works(containers: Containers, name: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "libs.local", "doctor", cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **containers.variables(name)},
    )  # fmt: skip
    printed, failed = await process.communicate()
    assert (process.returncode, failed.decode()) == (0, ""), printed.decode()
    assert {line.split()[0] for line in printed.decode().splitlines()} <= {"ok", "note"}


async def test_only_who_signs_people_in_needs_the_google_client(containers: Containers) -> None:
    containers.env_file = {**containers.env_file, **dict.fromkeys(CLIENT, "")}
    for name in SERVICES:
        found = await findings(containers.variables(name))
        assert [finding.level for finding in found if "nobody can sign in" in finding.sentence] == (
            ["todo"] if name == "auth" else []
        )


async def test_only_who_pulls_needs_the_key_of_the_service_account(containers: Containers) -> None:
    containers.env_file = {
        **containers.env_file,
        "PINGCRM_GOOGLE_PUBSUB_TOPIC": "projects/p/topics/t",
        "PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION": "projects/p/subscriptions/s",
    }
    for name in SERVICES:
        sentences = complaints(await findings(containers.variables(name)))
        needed = [sentence for sentence in sentences if "needs PINGCRM_GOOGLE_APPLICATION_CREDENTIALS" in sentence]
        assert (sentences, len(needed)) == (needed, int(name == "sync"))


@pytest.mark.parametrize("name", SERVICES)
async def test_what_is_wrong_in_a_container_is_found_there(
    containers: Containers, secrets: Secrets, name: Service
) -> None:
    variables = containers.variables(name)
    other: Service = "sync" if name != "sync" else "prep"
    wrong_login = nats_url(
        variables["PINGCRM_NATS_URL"], name, Secrets({f"PINGCRM_{name.upper()}_NATS_PASSWORD": "other"})
    )
    [sentence] = complaints(await findings({**variables, "PINGCRM_NATS_URL": wrong_login}))
    assert sentence.startswith("NATS at nats://127.0.0.1:")
    assert "correct PINGCRM_NATS_URL" in sentence
    others_keys = containers.variables(other)["PINGCRM_REDIS_URL"]
    [sentence] = complaints(await findings({**variables, "PINGCRM_REDIS_URL": others_keys}))
    assert sentence.startswith(f"The Redis login of {name} at redis://127.0.0.1:")
    assert sentence.endswith("correct PINGCRM_REDIS_URL.")
    [sentence] = complaints(await findings({**variables, "PINGCRM_REDIS_URL": ""}))
    assert sentence == f"PINGCRM_REDIS_URL is not set, and `pingcrm run {name}` needs it."
    assert not any(secret in sentence for secret in secrets.values())


async def test_more_copies_than_the_server_keeps_are_found_where_the_streams_are_made(containers: Containers) -> None:
    containers.env_file = {**containers.env_file, "PINGCRM_STREAM_REPLICAS": "3"}
    [sentence] = complaints(await findings(containers.variables("migrate")))
    assert sentence.startswith("PINGCRM_STREAM_REPLICAS is 3, and NATS at nats://127.0.0.1:")
