"""The environment of each service's process: its own logins and secrets, everybody's settings, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from libs.common.config.definitions import definitions, secret_settings
from libs.common.ids import SERVICES, Service
from libs.common.tls import TlsFiles, with_tls_files
from libs.local.ports import LOOPBACK
from libs.local.secrets import KEYS, NAMES, Secrets
from libs.local.urls import nats_url, postgres_url

URLS = ("PINGCRM_POSTGRES_URL", "PINGCRM_NATS_URL", "PINGCRM_REDIS_URL")
TLS_FILES = ("PINGCRM_TLS_CA", "PINGCRM_TLS_CERT", "PINGCRM_TLS_KEY")

# What a Python process may need from a shell.
INHERITED = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NO_COLOR",
)
INHERITED_PREFIXES = (
    "PYTHON",
    "OTEL_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


@dataclass(frozen=True)
class Servers:
    """URLs of the three servers, with an administrator's login; empty where none is known.

    `redis_of` are URLs with a service's own login; the services that it does not name share `redis`.
    """

    postgres: str
    nats: str
    redis: str
    redis_of: Mapping[Service, str] = field(default_factory=dict)


def redis_url_name(service: Service) -> str:
    return f"PINGCRM_{service.upper()}_REDIS_URL"


def secret_names() -> list[str]:
    """Every variable that holds a secret, of the settings and of an installation's own."""
    return list(dict.fromkeys((*secret_settings(), *NAMES, *map(redis_url_name, SERVICES))))


def external_servers(environment: Mapping[str, str]) -> Servers:
    """Those that the environment names, with its files for TLS where they ask for it."""
    files = TlsFiles(*(Path(path).absolute() if (path := environment.get(name)) else None for name in TLS_FILES))

    def url(name: str) -> str:
        return with_tls_files(environment.get(name, ""), files)

    own = {service: url(redis_url_name(service)) for service in SERVICES}
    postgres, nats, redis = map(url, URLS)
    return Servers(postgres, nats, redis, {service: url for service, url in own.items() if url})


def settings_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The `PINGCRM_*` variables that are settings and not empty."""
    return {name: environment[name] for name in definitions() if environment.get(name)}


def inherited(shell: Mapping[str, str]) -> dict[str, str]:
    """What any Python process of ours is given of `shell`, our own environment: none of our settings."""
    return {name: value for name, value in shell.items() if name in INHERITED or name.startswith(INHERITED_PREFIXES)}


def service_environment(
    service: Service, shell: Mapping[str, str], settings: Mapping[str, str], servers: Servers, secrets: Secrets
) -> dict[str, str]:
    """`shell` is our own environment, `settings` the `PINGCRM_*` variables that were chosen."""
    readers = {name: definition.readers for name, definition in definitions().items()}
    known = {**{name: secrets[name] for name in KEYS if service in readers[name]}, **settings}
    return {
        **inherited(shell),
        **{name: value for name, value in known.items() if service in readers.get(name, ())},
        "PINGCRM_POSTGRES_URL": postgres_url(servers.postgres, service, secrets),
        "PINGCRM_NATS_URL": nats_url(servers.nats, service, secrets),
        "PINGCRM_REDIS_URL": servers.redis_of.get(service, servers.redis),
    }


def reachable_host(host: str) -> str:
    """Where a server that listens on `host` can be reached from this machine, as it is written in a URL."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 -- compared, not bound
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def port_of(url: str) -> int | None:
    return urlsplit(url).port
