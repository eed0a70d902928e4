"""Which hosts a server may call for a user."""

import pytest

from libs.common.config import Settings
from services.gateway.domain.public_hosts import is_private_host, is_public_address, private_hosts_allowed


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
