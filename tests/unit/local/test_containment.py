"""docker-compose.yml and the Dockerfile: what holds every container, asked of each that there is, so that a new one can't forget it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from libs.common.ids import SERVICES
from libs.local import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: Mapping[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: Mapping[str, Mapping[str, Any]] = COMPOSE["services"]
ONCE = {"folders", "migrate"}
"""What runs to its end; the others stay."""

# Who has more than nothing, and why: gives folders away; starts a program that carries it.
CAPABILITIES = {"folders": ["CHOWN", "DAC_OVERRIDE"], "proxy": ["NET_BIND_SERVICE"]}
EVERYBODYS = pytest.mark.parametrize("name", CONTAINERS)


@EVERYBODYS
def test_a_container_can_write_nothing_but_its_data_and_what_is_gone_with_it(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert "/tmp" in container["tmpfs"]
    for volume in container.get("volumes", []):
        source, _, target = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).partition(":")
        assert source in COMPOSE["volumes"] or target.endswith(":ro"), volume


@EVERYBODYS
def test_a_container_has_no_rights_of_an_administrator(name: str) -> None:
    container = CONTAINERS[name]
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert container.get("cap_add", []) == CAPABILITIES.get(name, [])
    assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(container)
    user, _, group = container["user"].partition(":")
    if name == "folders":
        assert (user, group, container["network_mode"]) == ("0", "0", "none")
    else:
        assert int(user) > 0
        assert int(group) > 0


@EVERYBODYS
def test_a_container_is_bounded_in_memory_processes_and_logs(name: str) -> None:
    container = CONTAINERS[name]
    assert re.fullmatch(r"\d+[mg]|\$\{PINGCRM_\w+_MEMORY:-\d+[mg]\}", container["mem_limit"])
    assert 0 < container["pids_limit"] <= 512
    assert container["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}


@EVERYBODYS
def test_a_container_is_on_named_networks_only(name: str) -> None:
    networks = CONTAINERS[name].get("networks", [])
    assert networks or CONTAINERS[name]["network_mode"] == "none"
    assert set(networks) <= set(COMPOSE["networks"])


def test_the_servers_are_reached_by_services_alone_and_lead_nowhere() -> None:
    assert COMPOSE["networks"]["servers"] == {"internal": True}
    for server in ("postgres", "nats", "valkey", "migrate"):
        assert CONTAINERS[server]["networks"] == ["servers"]
    beside = {name for name, container in CONTAINERS.items() if "servers" in container.get("networks", [])}
    assert beside == {"postgres", "nats", "valkey", "migrate", *SERVICES}
    assert CONTAINERS["proxy"]["networks"] == ["front"]
    assert {name for name, container in CONTAINERS.items() if "front" in container.get("networks", [])} == {
        "proxy",
        "gateway",
    }


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - ONCE))
def test_what_stays_starts_again_and_is_asked_how_it_is(name: str) -> None:
    """As a list whose elements have no spaces: Podman's interface for Docker's clients splits them there."""
    container = CONTAINERS[name]
    assert container["restart"] == "unless-stopped"
    how, *command = container["healthcheck"]["test"]
    assert how == "CMD"
    assert not any(re.search(r"\s", word) for word in command)


@EVERYBODYS
def test_an_image_is_our_own_or_named_with_its_registry_and_can_be_pinned(name: str) -> None:
    container = CONTAINERS[name]
    if "build" in container:
        image = re.fullmatch(r"\$\{PINGCRM_\w*IMAGE:-(pingcrm(?:-\w+)?)\}", container["image"])
        assert image, container["image"]
        assert container["build"]["target"] == ("migrate" if image[1] == "pingcrm-migrate" else "service")
        assert container["build"]["args"] == COMPOSE["x-base-images"]
    else:
        assert re.fullmatch(r"\$\{PINGCRM_\w+_IMAGE:-docker\.io/\w+/\w+:[\w.-]+\}", container["image"])


def test_the_base_image_is_that_of_the_dockerfile() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    (default,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", dockerfile, re.MULTILINE)
    assert COMPOSE["x-base-images"]["PYTHON_IMAGE"] == f"${{PINGCRM_PYTHON_IMAGE:-{default}}}"
    assert default.startswith("docker.io/library/python:")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}", "product", "product"]


def test_no_default_stands_in_a_default() -> None:
    """Older Compose reads them as text."""
    assert not re.findall(r"\$\{[^}]*\$", TEXT)


def test_no_password_is_on_a_command_line() -> None:
    """There everybody on the machine could read it."""
    for container in CONTAINERS.values():
        assert "PASSWORD" not in str(
            [container.get("command"), container.get("entrypoint"), container.get("healthcheck")]
        )


def test_postgresql_is_set_up_for_every_language() -> None:
    arguments = CONTAINERS["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split()
    assert arguments == ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]


def test_the_key_for_notifications_is_a_secret_of_sync_alone() -> None:
    assert {name for name, container in CONTAINERS.items() if container.get("secrets")} == {"sync"}
    assert CONTAINERS["sync"]["secrets"] == ["pubsub_key"]
    assert COMPOSE["secrets"]["pubsub_key"] == {"file": "${PINGCRM_PUBSUB_CREDENTIALS_FILE:-/dev/null}"}


def test_the_monitoring_of_nats_answers_in_its_own_container_only() -> None:
    (listens,) = re.findall(r'^http: "(.+)"$', (ROOT / "deploy" / "nats.conf").read_text(), re.MULTILINE)
    assert listens == "127.0.0.1:8222"
    assert f"http://{listens}/healthz" in CONTAINERS["nats"]["healthcheck"]["test"]
