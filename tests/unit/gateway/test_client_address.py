"""Which address a request comes from, where proxies stand before us."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.client_address import client_address, counted_as

PROXIES = tuple(ip_network(network) for network in ("10.0.0.0/8", "2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # who connected, X-Forwarded-For                                        → who it is
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # a stranger who makes something up
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # the left one was made up by the client
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),  # the same in two headers
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # somebody inside
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),  # what is no address ends the search
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:2::1]:4711"], "2001:db8:2::1"),
        ("10.0.0.1", ["2001:db8:2::1"], "2001:db8:2::1"),
        ("2001:db8:1::1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),  # IPv4 on a socket of both
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("", ["198.51.100.1"], ""),  # a Unix socket
    ],
)
def test_the_right_most_address_that_is_no_trusted_proxy_counts(peer: str, forwarded: list[str], client: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == client


def test_without_trusted_proxies_the_header_means_nothing() -> None:
    assert client_address("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"


@given(st.text() | st.lists(st.ip_addresses().map(str) | st.text(max_size=5), min_size=1).map(", ".join))
def test_whatever_stands_in_the_header_a_stranger_keeps_their_own_address(header: str) -> None:
    assert client_address("203.0.113.7", [header], PROXIES) == "203.0.113.7"
    client_address("10.0.0.1", [header], PROXIES)


def test_what_stands_left_of_a_stranger_never_counts_however_long_it_is() -> None:
    made_up = ", ".join(["192.0.2.66"] * 100_000)
    assert client_address("10.0.0.1", [f"{made_up}, 198.51.100.1"], PROXIES) == "198.51.100.1"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:2:3:4:5:6:7", "2001:db8:2:3::/64"),  # all addresses of one subscriber
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_counted_as_one(address: str, counted: str) -> None:
    assert counted_as(address) == counted
