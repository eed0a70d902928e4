"""The users of Redis: every service has one, with its own keys and no command that sees past them."""

from hashlib import sha256

import pytest

from libs.common.cache_access import COMMANDS, NAMESPACES
from libs.common.ids import SERVICES, Service
from libs.local.secrets import generate
from libs.local.valkey_acl import acl, deployed, rules


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_keys_of_its_own_name_and_no_other_service_has_them(service: Service) -> None:
    assert NAMESPACES[service][0] == service
    for other in SERVICES:
        assert (f"~{service}:*" in rules(other)) == (other == service)


def test_the_count_of_gmails_quota_belongs_to_those_who_read_and_send_mail() -> None:
    assert {service for service in SERVICES if "google" in NAMESPACES[service]} == {"sync", "prep"}


def test_the_dedup_keys_of_briefs_are_preps_alone() -> None:
    assert {service for service in SERVICES if "meeting_prep" in NAMESPACES[service]} == {"prep"}


@pytest.mark.parametrize(
    "command", ["keys", "scan", "randomkey", "flushall", "config", "acl", "monitor", "eval", "rename"]
)
def test_no_service_may_list_keys_or_change_the_server(command: str) -> None:
    assert command not in {allowed.partition("|")[0] for allowed in COMMANDS}


def test_the_file_holds_a_line_for_each_service_and_no_password() -> None:
    secrets = generate()
    lines = acl(secrets).splitlines()
    assert [line.split()[1] for line in lines] == list(SERVICES)
    assert not any(password in acl(secrets) for password in secrets.values())
    assert f"#{sha256(secrets.redis('auth').encode()).hexdigest()}" in lines[0]


def test_the_script_for_containers_has_the_same_users_with_passwords_of_its_environment() -> None:
    users = [line.split() for line in deployed().splitlines() if line.startswith("user ")]
    assert [(name, password, tuple(granted)) for _, name, password, *granted in users] == [
        (service, f">$PINGCRM_{service.upper()}_REDIS_PASSWORD", rules(service)) for service in SERVICES
    ]
