"""What is this machine itself."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether an address or a name leads back to this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
