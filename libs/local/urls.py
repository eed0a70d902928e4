"""From an administrator's URL to the URL of one service: the same server, another login."""

from urllib.parse import quote, urlsplit, urlunsplit

from libs.common.ids import Service
from libs.local.secrets import Secrets


def role(service: Service) -> str:
    """The PostgreSQL role of a service."""
    return f"pingcrm_{service}"


def with_login(url: str, user: str, password: str) -> str:
    """The URL with another user and password; everything else stays."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def postgres_url(admin_url: str, service: Service, secrets: Secrets) -> str:
    return with_login(admin_url, role(service), secrets.postgres(service))


def nats_url(admin_url: str, user: str, secrets: Secrets) -> str:
    """`admin_url` may list the servers of a cluster, separated by commas."""
    return ",".join(with_login(url.strip(), user, secrets.nats(user)) for url in admin_url.split(","))


def redis_url(admin_url: str, service: Service, secrets: Secrets) -> str:
    return with_login(admin_url, service, secrets.redis(service))


def without_login(url: str) -> str:
    """For people and logs: no user, no password."""
    return ",".join(_bare(part.strip()) for part in url.split(","))


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def database_of(url: str) -> str:
    """The database that a PostgreSQL URL names; empty where it names none."""
    return urlsplit(url).path.lstrip("/")


def with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database, safe='')}"))
