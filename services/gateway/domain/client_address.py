"""Which address a request comes from, where proxies stand before us. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_HOPS = 50
_SUBSCRIBER_PREFIX = 64  # an IPv6 subscriber has at least so many addresses to choose from


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The right-most address that is no trusted proxy: of the hops in X-Forwarded-For (`forwarded`: its values), then `peer`.

    Each proxy adds on the right whom it was called by; what stands left of the first stranger is only what that stranger wrote.
    An entry that is no address ends the search: the proxy that reported it counts. `peer` where it is not trusted itself.
    """
    nearest = _parsed(peer)
    if nearest is None:
        return peer
    hops = ",".join(forwarded).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    while _is_trusted(nearest, trusted) and hops:
        hop = _parsed(hops.pop())
        if hop is None:
            break
        nearest = hop
    return str(nearest)


def counted_as(address: str) -> str:
    """What a limit counts: an IPv4 address, or the network of an IPv6 subscriber."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _SUBSCRIBER_PREFIX), strict=False))
    return address


def _is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    return any(address in network for network in trusted)


def _parsed(text: str) -> Address | None:
    """An address, with or without a port (`1.2.3.4:80`, `[2001:db8::1]:80`); an IPv4 address inside an IPv6 one is that address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
