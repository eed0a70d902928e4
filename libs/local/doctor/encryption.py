"""Whether what goes to the three servers is encrypted, and the files for it can be used."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from libs.common.config import Settings
from libs.common.tls import asks_for_tls, context_of, servers_in
from libs.local.doctor.addresses import is_loopback
from libs.local.doctor.finding import Finding

REMEDIES: Mapping[str, str] = {
    "PINGCRM_POSTGRES_URL": "add ?sslmode=verify-full",
    "PINGCRM_NATS_URL": "begin it with tls://",
    "PINGCRM_REDIS_URL": "begin it with rediss://",
}


def check_tls(settings: Settings) -> Iterator[Finding]:
    """The files, then each URL."""
    files = {
        "PINGCRM_TLS_CA": settings.tls_ca,
        "PINGCRM_TLS_CERT": settings.tls_cert,
        "PINGCRM_TLS_KEY": settings.tls_key,
    }
    named = {name: path for name, path in files.items() if path is not None}
    unusable = list(_check_files(settings, named))
    yield from unusable
    urls = dict(zip(REMEDIES, (settings.postgres_url, settings.nats_url, settings.redis_url), strict=True))
    if named and not unusable and not any(asks_for_tls(url) for url in urls.values() if url):
        remedies = ", ".join(f"{name}: {remedy}" for name, remedy in REMEDIES.items())
        yield Finding("note", f"{next(iter(named))} is not used, because no URL of a server asks for TLS ({remedies}).")
    for name, url in urls.items():
        yield from _check_url(name, url)


def _check_files(settings: Settings, named: Mapping[str, Path]) -> Iterator[Finding]:
    for name, path in named.items():
        try:
            path.read_bytes()
        except OSError as error:
            yield Finding(
                "wrong", f"{name} must be the path of a file that you may read, and it can't be read: {error.strerror}."
            )
            return
    if settings.tls_key and not settings.tls_cert:
        yield Finding("wrong", "PINGCRM_TLS_KEY is the key of a certificate: name that in PINGCRM_TLS_CERT.")
        return
    try:
        context_of(settings.tls_files)
    except ssl.SSLError as error:
        yield Finding(
            "wrong", f"{', '.join(named)} must be PEM files, a certificate with its own key: {error.reason or error}."
        )
    if settings.tls_key and is_open_to_others(settings.tls_key):
        yield Finding("note", f"{settings.tls_key} can be read by others: chmod 600 it.")


def is_open_to_others(path: Path) -> bool:
    """Whether it is ours to close, and is not: what is mounted into a container belongs to somebody outside of it."""
    status = path.stat()
    return status.st_uid == os.geteuid() and bool(status.st_mode & 0o077)


def _check_url(name: str, url: str) -> Iterator[Finding]:
    """To another machine only: on this one nobody else listens in. Of PostgreSQL, also whether it is known who is there."""
    hosts = [urlsplit(server).hostname or "" for server in servers_in(url)]
    if all(not host or is_loopback(host) for host in hosts):
        return
    if not asks_for_tls(url):
        yield Finding(
            "note", f"{name} leads to another machine in clear text: where others use that network, {REMEDIES[name]}."
        )
    elif parse_qs(urlsplit(url).query).get("sslmode", ["verify-full"])[-1] != "verify-full":
        yield Finding(
            "note",
            f"{name} encrypts, and does not compare the name of the server: write sslmode=verify-full.",
        )
