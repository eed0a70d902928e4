"""Which hosts a server may call for a user."""

import pytest

from libs.common.config import Settings
from services.gateway.domain.public_hosts import (
    CallableHosts,
    callable_hosts,
    is_private_host,
    is_public_address,
    private_hosts_allowed,
)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:a00:1::", False),
        ("::7f00:1", False),
        ("64:ff9b::808:808", False),
        ("2002:808:808::", False),
        ("2001:0:808:808::1", False),
        ("::808:808", False),
        ("ff0e::1", False),
        ("127.0.0.1%eth0", False),
        ("8.8.8.8%eth0", True),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("a.localhost.", True),
        ("[::1]", True),
        ("192.168.1.2", True),
        ("hooks.example.com", False),
        ("localhost.example.com", False),
        ("8.8.8.8", False),
        ("", False),
        ("a.localhostX", False),
        ("X10.0.0.1", False),
    ],
)
def test_hosts_that_are_private_by_name_are_refused(host: str, refused: bool) -> None:
    assert is_private_host(host) is refused


@pytest.mark.parametrize(
    ("public_url", "allowed"), [("", True), ("http://localhost:8025", True), ("https://crm.example.com", False)]
)
def test_who_runs_it_for_themselves_may_call_their_own_network(public_url: str, allowed: bool) -> None:
    assert private_hosts_allowed(Settings(public_url=public_url).base_url) is allowed


@pytest.mark.parametrize(
    ("networks", "host", "refused"),
    [
        ("", "10.1.2.3", True),
        ("10.1.0.0/16", "10.1.2.3", False),
        ("10.1.0.0/16", "10.2.0.1", True),
        ("10.1.0.0/16", "[::ffff:10.1.2.3]", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("10.1.2.3", "10.1.2.4", True),
        ("10.1.0.0/16", "8.8.8.8", False),
        ("10.1.0.0/16", "hooks.example.com", False),
        ("10.1.0.0/16", "localhost", True),
        ("127.0.0.0/8", "a.localhost.", False),
        ("::1", "localhost", False),
        ("::1", "127.0.0.1", True),
        ("fd00::/8", "[fd12::1]", False),
        ("fd00::/8", "[fe80::1%eth0]", True),
        ("192.0.2.0/24,10.0.0.0/8", "10.0.0.1", False),
    ],
)
def test_a_server_s_operator_allows_networks_beside_the_public_internet(
    networks: str, host: str, refused: bool
) -> None:
    settings = Settings(public_url="https://crm.example.com", webhook_allow=networks)  # type: ignore[arg-type]
    hosts = callable_hosts(settings.base_url, settings.webhook_allow)
    assert hosts.refuse(host) is refused


def test_on_loopback_everything_may_be_called() -> None:
    hosts = callable_hosts("http://127.0.0.1:8025", ())
    assert hosts == CallableHosts(anywhere=True)
    assert not [host for host in ("localhost", "10.0.0.1", "[::1]", "8.8.8.8") if hosts.refuse(host)]
