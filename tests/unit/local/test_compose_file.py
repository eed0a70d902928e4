"""docker-compose.yml: whole, no defaults for secrets, each service with its own logins only. What contains it: test_containment.py."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.common.config.definitions import definitions
from libs.common.ids import SERVICES, Service
from libs.local import ROOT, healthcheck, nats_config, valkey_acl
from libs.local.secrets import (
    NAMES,
    REDIS_ADMIN,
    as_env_file,
    generate,
    nats_password_name,
    postgres_password_name,
    redis_password_name,
)
from libs.local.servers import postgres

FILE = ROOT / "docker-compose.yml"
REFERENCE = re.compile(r"\$\{(\w+)(:\?|:-|\})")
GOOGLE = {"PINGCRM_GOOGLE_CLIENT_ID", "PINGCRM_GOOGLE_CLIENT_SECRET"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return parsed


def references(value: object) -> set[str]:
    """The variables that a part of the file requires."""
    return {name for name, operator in REFERENCE.findall(str(value)) if operator != ":-"}


def has_compose() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed; the other tests check the file")
def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text(as_env_file(generate()) + "".join(f"{name}=x\n" for name in GOOGLE))
    command = ["docker", "compose", "--env-file", str(env_file), "--file", str(FILE), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr


def test_it_has_the_three_servers_the_migration_and_every_service(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "nats", "valkey", "folders", "migrate", "proxy", *SERVICES}
    images = {name: default_of(service["image"]) for name, service in compose["services"].items()}
    assert images["postgres"].startswith("docker.io/library/postgres:18")
    assert images["nats"].startswith("docker.io/library/nats:2.15")
    assert images["valkey"].startswith("docker.io/valkey/valkey:9")
    assert images["proxy"].startswith("docker.io/library/caddy:2")
    assert {images[name] for name in ("folders", *SERVICES)} == {"pingcrm"}
    assert images["migrate"] == "pingcrm-migrate"


def default_of(value: str) -> str:
    """What a reference with a default stands for where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_what_must_be_set_is_what_pingcrm_secrets_prints_and_the_google_client(compose: dict[str, Any]) -> None:
    assert references(compose) == (set(NAMES) | GOOGLE)


def test_no_secret_has_a_default() -> None:
    text = FILE.read_text()
    assert not re.findall(r"\$\{\w*(?:PASSWORD|SECRET|KEY)\w*:?-", text)
    assert not re.findall(r"\$\{\w*(?:PASSWORD|SECRET|KEYS)\w*\}", text)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_its_own_logins_and_no_others(compose: dict[str, Any], service: Service) -> None:
    environment = compose["services"][service]["environment"]
    assert f"pingcrm_{service}:" in environment["PINGCRM_POSTGRES_URL"]
    assert f"nats://{service}:" in environment["PINGCRM_NATS_URL"]
    assert f"redis://{service}:" in environment["PINGCRM_REDIS_URL"]
    expected = {postgres_password_name(service), nats_password_name(service), redis_password_name(service)}
    expected |= {"PINGCRM_SECRET_KEYS"} if service == "auth" else set()
    expected |= {"PINGCRM_WEBHOOK_KEYS"} if service == "gateway" else set()
    expected |= GOOGLE if service == "auth" else set()
    assert references(environment) == expected
    assert ("PINGCRM_ANTHROPIC_API_KEY" in environment) == (service == "prep")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_waits_for_the_migration_and_reports_whether_it_is_ready(
    compose: dict[str, Any], service: Service
) -> None:
    described = compose["services"][service]
    assert described["command"] == ["run", service]
    assert described["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert described["healthcheck"]["test"][-1] == healthcheck.__spec__.name
    assert described["environment"]["PINGCRM_HEALTH_PORT"].isdecimal()
    for server in ("postgres", "nats", "valkey"):
        assert described["depends_on"][server] == {"condition": "service_healthy"}
        assert "healthcheck" in compose["services"][server]


def test_every_variable_of_a_service_is_a_setting(compose: dict[str, Any]) -> None:
    for service in SERVICES:
        assert set(compose["services"][service]["environment"]) <= set(definitions())


def test_nats_is_given_every_password_that_its_configuration_names(compose: dict[str, Any]) -> None:
    named = set(re.findall(r"\$(PINGCRM_\w+)", nats_config.deployed()))
    assert named == {name for name in compose["services"]["nats"]["environment"] if name.startswith("PINGCRM_")}


def test_the_start_of_valkey_in_deploy_is_as_generated() -> None:
    assert (ROOT / "deploy" / "valkey.sh").read_text() == valkey_acl.deployed(), (
        "run: pingcrm redis-acl --env > deploy/valkey.sh"
    )


def test_valkey_is_given_every_password_that_its_start_names(compose: dict[str, Any]) -> None:
    named = set(re.findall(r"\$(PINGCRM_\w+)", valkey_acl.deployed()))
    assert named == {redis_password_name(service) for service in SERVICES} | {REDIS_ADMIN}
    assert named == set(compose["services"]["valkey"]["environment"]) - {"REDISCLI_AUTH"}


def test_only_the_gateway_is_published_and_only_on_loopback_unless_the_proxy_is_wanted(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert set(published) == {"gateway", "proxy"}
    assert all(port.startswith("127.0.0.1:") for port in published["gateway"])
    assert compose["services"]["proxy"]["profiles"] == ["proxy"]
    assert not any("profiles" in service for name, service in compose["services"].items() if name != "proxy")


def test_the_nats_configuration_in_deploy_is_as_generated() -> None:
    assert (ROOT / "deploy" / "nats.conf").read_text() == nats_config.deployed(), (
        "run: pingcrm nats-config --env > deploy/nats.conf"
    )


def test_the_image_holds_what_the_compose_file_uses() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    assert "--require-hashes" in dockerfile
    assert "USER 10001" in dockerfile
    sent = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    for *sources, _ in (line.split() for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)):
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in sent, source


def test_no_postgres_of_ours_quotes_rows_in_its_log(compose: dict[str, Any]) -> None:
    assert "log_error_verbosity=terse" in compose["services"]["postgres"]["command"]
    assert postgres.OPTIONS["log_error_verbosity"] == "terse"
