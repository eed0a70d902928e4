"""Which hosts may be called for users: a server must not be made to call its own network. Pure: names are not resolved here."""

import ipaddress
from dataclasses import dataclass

from yarl import URL

# Prefixes whose addresses lead to an IPv4 address within them: NAT64, 6to4, Teredo, IPv4-compatible.
TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96")))


LOOPBACK = ("127.0.0.1", "::1")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_public_address(address: str) -> bool:
    """ValueError: not an IP address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if any(parsed in network for network in TRANSLATED):
            return False
        parsed = parsed.ipv4_mapped or parsed
    return parsed.is_global and not parsed.is_multicast


def is_private_host(host: str) -> bool:
    """A host that is by its name alone not on the public internet. Names that resolve there are refused when connecting."""
    if host.rstrip(".").lower().endswith("localhost"):
        return True
    try:
        return not is_public_address(host.strip("[]"))
    except ValueError:
        return False


def private_hosts_allowed(base_url: str) -> bool:
    """Who runs PingCRM on their own machine for themselves may call their own network; on a server that is refused."""
    return is_private_host(URL(base_url).host or "")


@dataclass(frozen=True)
class CallableHosts:
    """Where calls for users may go: `anywhere`, or to the public internet and the operator's own `networks`."""

    anywhere: bool = False
    networks: tuple[Network, ...] = ()

    def has_address(self, address: str) -> bool:
        """ValueError: not an IP address."""
        if self.anywhere or is_public_address(address):
            return True
        parsed = ipaddress.ip_address(address.partition("%")[0])
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return any((mapped or parsed) in network for network in self.networks)

    def refuse(self, host: str) -> bool:
        """Whether a host is refused by its name alone. What any other name leads to is seen as it is resolved."""
        if host.rstrip(".").lower().endswith("localhost"):
            return not any(map(self.has_address, LOOPBACK))
        try:
            return not self.has_address(host.strip("[]"))
        except ValueError:
            return False


PUBLIC = CallableHosts()


def callable_hosts(base_url: str, networks: tuple[Network, ...]) -> CallableHosts:
    """By where PingCRM is reached, and by the networks that its operator has named."""
    return CallableHosts(private_hosts_allowed(base_url), networks)
