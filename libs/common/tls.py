"""TLS to PostgreSQL, NATS and Redis: a server's URL asks for it, and has in its query the files for it, as its driver reads them.

Where it asks, the server's certificate is verified, its name included, and nothing is sent in clear. `TlsFiles` are the operator's
for all three servers; a URL that names files of its own keeps them. PostgreSQL alone has degrees (`sslmode`): `require` encrypts and
verifies the certificate without its name.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

# The names of a CA's, a certificate's and its key's file in the query of a URL: libpq's, redis-py's, and ours for NATS, which has none.
_LIBPQ = ("sslrootcert", "sslcert", "sslkey")
_REDIS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
NATS = ("tls_ca", "tls_cert", "tls_key")
_FILES: Mapping[str, tuple[str, str, str]] = {
    "postgresql": _LIBPQ, "postgres": _LIBPQ, "rediss": _REDIS, "tls": NATS, "wss": NATS,
}  # fmt: skip
_ENCRYPTING = frozenset({"require", "verify-ca", "verify-full"})
_IN_LISTS = frozenset({"nats", "tls", "ws", "wss"})


@dataclass(frozen=True)
class TlsFiles:
    """Whom to trust and who we are, as paths of PEM files. None: the system's CAs; no certificate of ours."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def servers_in(url: str) -> list[str]:
    """One URL for each server that is named: of a cluster of NATS there are several, with commas between."""
    return [part.strip() for part in url.split(",")] if urlsplit(url).scheme in _IN_LISTS else [url]


def asks_for_tls(url: str) -> bool:
    """Whether the URL demands encryption, of every server. PostgreSQL's `prefer`, its default, does not: it takes what it gets."""
    return all(map(_asks_for_tls, servers_in(url)))


def _asks_for_tls(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in ("postgresql", "postgres"):
        return _query(parts).get("sslmode") in _ENCRYPTING
    return parts.scheme in _FILES


def with_tls_files(url: str, files: TlsFiles) -> str:
    """The URL with those files that it asks for and does not name itself; as it is where it asks for no TLS."""
    return ",".join(_with_tls_files(server, files) for server in servers_in(url))


def _with_tls_files(url: str, files: TlsFiles) -> str:
    if not _asks_for_tls(url):
        return url
    parts = urlsplit(url)
    ours = zip(_FILES[parts.scheme], (files.ca, files.certificate, files.key), strict=True)
    query = {**{name: str(path) for name, path in ours if path is not None}, **_query(parts)}
    return urlunsplit(parts._replace(query=urlencode(query, safe="/")))


def without_tls_files(url: str) -> tuple[str, TlsFiles]:
    """A URL of NATS as its client reads it, and the files that it named."""
    parts = urlsplit(url)
    query = _query(parts)
    ca, certificate, key = (Path(query[name]) if name in query else None for name in NATS)
    rest = {name: value for name, value in query.items() if name not in NATS}
    return urlunsplit(parts._replace(query=urlencode(rest))), TlsFiles(ca, certificate, key)


def context_of(files: TlsFiles) -> ssl.SSLContext:
    """For a client: TLS 1.2 or newer, the certificate and its name verified. OSError: a file can't be read, or is no such file."""
    context = ssl.create_default_context(cafile=files.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    return context


def _query(parts: SplitResult) -> dict[str, str]:
    return dict(parse_qsl(parts.query, keep_blank_values=True))
