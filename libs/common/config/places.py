"""Where things are: ports, hosts, URLs, networks, folders."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from libs.common.config.format import Format, split_at_commas
from libs.common.tls import servers_in

_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?")

Port = Annotated[int, Field(ge=0, le=65535)]


def _is_host(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        if not _HOST_NAME.fullmatch(value):
            raise ValueError("that is neither an address nor a name") from None
    return value


Host = Annotated[
    str,
    AfterValidator(_is_host),
    Format(
        "an address or a name of this machine, such as 127.0.0.1",
        good=("127.0.0.1", "localhost", "::1"),
        bad=("here and there", "http://127.0.0.1", "127.0.0.1:8025"),
    ),
]


def _web_url(value: str) -> SplitResult:
    try:
        url = urlsplit(value)
        _ = url.port
    except ValueError:
        raise ValueError("its host or port is none") from None
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("https:// or the host's name is missing")
    return url


def _is_web_url(value: str) -> str:
    if value:
        _web_url(value)
    return value


def _is_public_url(value: str) -> str:
    if not value:
        return value
    url = _web_url(value)
    if url.path.strip("/") or url.query or url.fragment:
        raise ValueError("it must not have a path: PingCRM needs a host name of its own")
    if url.username or url.password:
        raise ValueError("it must not have a login: everybody sees it")
    return value


WebUrl = Annotated[
    str,
    AfterValidator(_is_web_url),
    Format(
        "a URL such as https://host.example.org",
        good=("https://host.example.org", "http://127.0.0.1:8080"),
        bad=("host.example.org", "ftp://host.example.org", "https://", "https://host:99999"),
        private=True,
    ),
]
PublicUrl = Annotated[
    str,
    AfterValidator(_is_public_url),
    Format(
        "a URL such as https://crm.example.org",
        good=("https://crm.example.org", "http://127.0.0.1:8025/"),
        bad=("crm.example.org", "https://example.org/crm", "https://ann:pw@example.org", "https://crm:99999"),
        private=True,
    ),
]


def _has_scheme(*schemes: str) -> AfterValidator:
    """A server's URL; of a cluster of NATS, several with commas between. Only the beginning: drivers know the rest better."""

    def check(value: str) -> str:
        for url in servers_in(value) if value else ():
            if urlsplit(url).scheme not in schemes:
                raise ValueError(f"{schemes[0]}:// is missing")
        return value

    return AfterValidator(check)


PostgresUrl = Annotated[
    str,
    _has_scheme("postgresql", "postgres"),
    Format(
        "a URL such as postgresql://USER:PASSWORD@HOST:5432/pingcrm",
        good=(),
        bad=("crm-database", "mysql://root@127.0.0.1/crm"),
        private=True,
        secret=True,
    ),
]
NatsUrl = Annotated[
    str,
    _has_scheme("nats", "tls", "ws", "wss"),
    Format(
        "a URL such as nats://USER:PASSWORD@HOST:4222",
        good=(),
        bad=("127.0.0.1:4222", "http://127.0.0.1:4222"),
        private=True,
        secret=True,
    ),
]
RedisUrl = Annotated[
    str,
    _has_scheme("redis", "rediss", "unix"),
    Format(
        "a URL such as redis://USER:PASSWORD@HOST:6379/0",
        good=(),
        bad=("127.0.0.1:6379", "http://127.0.0.1:6379"),
        private=True,
        secret=True,
    ),
]


def _as_networks(value: object) -> object:
    """An address is a network of one. Bits beyond the prefix are refused: nobody can know what was meant."""
    entries = split_at_commas(value)
    if not isinstance(entries, tuple):
        return value
    try:
        return tuple(map(ip_network, entries))
    except ValueError as error:
        raise ValueError(f"name addresses or networks such as 10.0.0.0/8: {error}") from None


Networks = Annotated[
    tuple[IPv4Network | IPv6Network, ...],
    BeforeValidator(_as_networks),
    Format(
        "a list of networks with commas between",
        good=("10.0.0.0/8", "192.0.2.1, 2001:db8::/32"),
        bad=(",", "the proxy", "10.0.0.1/8", "*"),
    ),
]

Folder = Annotated[
    Path | None, Format("the path of a folder that you may write to", good=("data",), bad=("/dev/null",))
]
File = Annotated[Path | None, Format("the path of a file that you may read", good=(), bad=("/nowhere/key.json",))]
