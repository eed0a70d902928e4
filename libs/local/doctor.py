"""`pingcrm doctor`: what is wrong with the configuration, in sentences with what to do."""

import ipaddress
import os
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import asyncpg
import nats.errors
import redis.asyncio
import redis.exceptions
from pydantic import ValidationError

from libs.common.cache_access import NAMESPACES
from libs.common.config import Settings
from libs.common.google.oauth import Misconfigured
from libs.common.google.service_account import read_key_file
from libs.common.ids import SERVICES
from libs.common.topology import MAX_PAYLOAD_BYTES
from libs.local.bus_admin import connect_admin
from libs.local.data_dir import Unusable, read_runtime
from libs.local.environment import Servers, redis_url_name
from libs.local.locate import locate
from libs.local.ports import is_free
from libs.local.secrets import MissingSecret, why_lost
from libs.local.servers import ServerFailed
from libs.local.servers import nats as nats_server
from libs.local.servers import postgres as postgres_server
from libs.local.servers import valkey as valkey_server
from libs.local.urls import without_login

FERNET_KEY_BYTES = 32
CLOUD_METADATA = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fd00:ec2::254/128")))
UNUSABLE = (
    OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, nats.errors.Error, redis.exceptions.RedisError,
)  # fmt: skip
Level = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One sentence. `wrong` makes the command fail; `note` is good to know."""

    level: Level
    sentence: str


async def examine(environment: Mapping[str, str], data_dir: Path) -> AsyncIterator[Finding]:
    """Every finding, the settings first: without valid settings nothing else can be checked."""
    try:
        settings = Settings.model_validate(_fields(environment))
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            yield Finding("wrong", f"PINGCRM_{str(problem['loc'][0]).upper()} is not valid: {problem['msg']}.")
        return
    for check in (
        check_web, check_proxies, check_sign_up, check_google, check_push, check_claude, check_keys, check_webhooks,
    ):  # fmt: skip
        for finding in check(settings):
            yield finding
    for finding in check_data_dir(data_dir, environment):
        yield finding
    try:
        running = read_runtime(data_dir) is not None
    except Unusable:  # reported above; what runs there can't be found out
        return
    if not running and settings.port and not is_free(settings.port, settings.host):
        yield Finding("wrong", f"Port {settings.port} is taken by another program: choose another with PINGCRM_PORT.")
    servers = locate(data_dir, environment).servers
    async for finding in check_servers(servers):
        yield finding
    async for finding in check_redis_logins(servers):
        yield finding


def _fields(environment: Mapping[str, str]) -> dict[str, str]:
    given = {name: environment.get(f"PINGCRM_{name.upper()}", "") for name in Settings.model_fields}
    return {name: value for name, value in given.items() if value}


def check_web(settings: Settings) -> Iterator[Finding]:
    url = urlsplit(settings.base_url)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield Finding("wrong", "PINGCRM_PUBLIC_URL must be a URL such as https://crm.example.org.")
        return
    if url.path or url.query:
        yield Finding("wrong", "PINGCRM_PUBLIC_URL must not have a path: PingCRM needs a host name of its own.")
    if url.scheme == "http" and not _is_loopback(url.hostname):
        yield Finding("wrong", "PINGCRM_PUBLIC_URL must begin with https:// — Google sends nobody back to plain http.")
    if not _is_loopback(settings.host) and not settings.public_url:
        yield Finding(
            "wrong", f"PINGCRM_HOST is {settings.host}: say in PINGCRM_PUBLIC_URL under which name it is reached."
        )
    yield Finding("ok", f"People reach PingCRM at {settings.base_url}.")


def check_proxies(settings: Settings) -> Iterator[Finding]:
    """Behind a proxy every request comes from the proxy's address, unless it is known for one."""
    for network in settings.trusted_proxies:
        if network.prefixlen == 0:
            yield Finding(
                "wrong",
                f"PINGCRM_TRUSTED_PROXIES trusts everybody ({network}): then anybody can make up where they come from.",
            )
    host = urlsplit(settings.base_url).hostname or ""
    if not settings.trusted_proxies and settings.base_url.startswith("https:") and not _is_loopback(host):
        yield Finding(
            "note",
            "PINGCRM_TRUSTED_PROXIES is not set: to the limit on sign-ins everybody behind your proxy is one address. Name its"
            " address or network.",
        )


def check_sign_up(settings: Settings) -> Iterator[Finding]:
    """Who may become a user, and who operates."""
    match settings.sign_up:
        case ("first",):
            yield Finding("ok", "Whoever signs in first owns this PingCRM; then PINGCRM_SIGN_UP lets nobody else in.")
        case ("open",):
            yield Finding("note", "PINGCRM_SIGN_UP is open: everybody with a Google account may become a user.")
        case entries:
            yield Finding("ok", f"PINGCRM_SIGN_UP lets in {', '.join(entries)}.")
    if settings.operators:
        yield Finding("ok", f"The owner and {', '.join(settings.operators)} operate this PingCRM.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_google(settings: Settings) -> Iterator[Finding]:
    if settings.google_client_id and settings.google_client_secret.get_secret_value():
        yield Finding(
            "ok", f"The Google client is set. Its redirect URI must be registered as exactly {settings.redirect_uri}"
        )
    else:
        missing = [
            name
            for name, value in (
                ("PINGCRM_GOOGLE_CLIENT_ID", settings.google_client_id),
                ("PINGCRM_GOOGLE_CLIENT_SECRET", settings.google_client_secret.get_secret_value()),
            )
            if not value
        ]
        yield Finding(
            "wrong",
            f"{' and '.join(missing)} not set: nobody can sign in. Create an OAuth client of type Web application in the Google"
            f" Cloud console, with the redirect URI {settings.redirect_uri} (the README has the steps).",
        )
    for name, root in (("API", settings.google_api_root), ("OAUTH", settings.google_oauth_root)):
        if root:
            yield Finding(
                "note", f"PINGCRM_GOOGLE_{name}_ROOT is set: {without_login(root)} is used in place of Google."
            )


def check_push(settings: Settings) -> Iterator[Finding]:
    """Gmail's notifications: a topic that Gmail publishes to, and a way on which they reach us."""
    pulls, pushes = settings.google_pubsub_subscription, settings.google_pubsub_service_account
    topic = settings.google_pubsub_topic
    if settings.google_pubsub_root:
        root = without_login(settings.google_pubsub_root)
        yield Finding("note", f"PINGCRM_GOOGLE_PUBSUB_ROOT is set: {root} is used in place of Pub/Sub.")
    if not (topic or pulls or pushes):
        every = settings.mail_poll_seconds
        how = f"asked for news, at most every {every} s" if every else "read every six hours and on demand only"
        yield Finding("note", f"PINGCRM_GOOGLE_PUBSUB_TOPIC is not set: Gmail does not tell of new mail, it is {how}.")
        return
    if not topic:
        yield Finding(
            "wrong", "PINGCRM_GOOGLE_PUBSUB_TOPIC is not set, so Gmail tells nobody: name the subscription's topic."
        )
    elif not (pulls or pushes):
        yield Finding(
            "wrong",
            "Gmail tells PINGCRM_GOOGLE_PUBSUB_TOPIC of new mail, and nobody listens: set PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION to"
            " pull, or PINGCRM_GOOGLE_PUBSUB_SERVICE_ACCOUNT to take pushes.",
        )
    yield from _check_pull(settings)
    if pushes:
        if _is_loopback(urlsplit(settings.push_endpoint).hostname or "") and not settings.google_pubsub_root:
            yield Finding(
                "wrong", "Pub/Sub can't push to this machine's loopback: set PINGCRM_PUBLIC_URL, or pull instead."
            )
        yield Finding(
            "ok",
            f"Pushes are taken at {settings.push_endpoint}, signed by {pushes} for the audience {settings.push_audience}",
        )
    if pulls and settings.google_application_credentials is not None:
        yield Finding("ok", f"Notifications are pulled from {pulls}.")


def _check_pull(settings: Settings) -> Iterator[Finding]:
    """A subscription and a service account's key go together."""
    pulls, credentials = settings.google_pubsub_subscription, settings.google_application_credentials
    if pulls and credentials is None:
        yield Finding(
            "wrong",
            "PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION needs PINGCRM_GOOGLE_APPLICATION_CREDENTIALS, a service account's key.",
        )
    elif credentials is not None and not pulls:
        yield Finding(
            "note", "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS is not used: PINGCRM_GOOGLE_PUBSUB_SUBSCRIPTION is not set."
        )
    if credentials is not None:
        yield from _check_key_file(credentials)


def _check_key_file(path: Path) -> Iterator[Finding]:
    try:
        read_key_file(path)
    except Misconfigured as error:
        yield Finding("wrong", str(error))
        return
    if path.stat().st_mode & 0o077:
        yield Finding("note", f"{path} can be read by others: chmod 600 it.")


def check_claude(settings: Settings) -> Iterator[Finding]:
    if settings.anthropic_api_key.get_secret_value():
        yield Finding("ok", f"Talking points are written by {settings.anthropic_model}.")
    else:
        yield Finding(
            "note", "PINGCRM_ANTHROPIC_API_KEY is not set: talking points are derived from the facts, without AI."
        )
    if settings.prep_window_from_minutes >= settings.prep_window_to_minutes:
        yield Finding(
            "wrong",
            "PINGCRM_PREP_WINDOW_FROM_MINUTES must be less than PINGCRM_PREP_WINDOW_TO_MINUTES: no meeting fits.",
        )


def check_keys(settings: Settings) -> Iterator[Finding]:
    """None is fine on a laptop, where one is generated."""
    for name, keys in (("PINGCRM_SECRET_KEYS", settings.secret_keys), ("PINGCRM_WEBHOOK_KEYS", settings.webhook_keys)):
        for position, key in enumerate(keys, start=1):
            try:
                good = len(urlsafe_b64decode(key.get_secret_value())) == FERNET_KEY_BYTES
            except ValueError:
                good = False
            if not good:
                yield Finding("wrong", f"Key {position} of {name} is no Fernet key (32 bytes in URL-safe base64).")
    if {key.get_secret_value() for key in settings.secret_keys} & {
        key.get_secret_value() for key in settings.webhook_keys
    }:
        yield Finding(
            "wrong",
            "PINGCRM_WEBHOOK_KEYS holds a key of PINGCRM_SECRET_KEYS: the gateway must not have what opens tokens.",
        )


def check_webhooks(settings: Settings) -> Iterator[Finding]:
    """Networks that users may have called: never all of them, and never where clouds keep their machines' credentials."""
    networks = settings.webhook_allow
    for network in networks:
        if network.prefixlen == 0:
            yield Finding(
                "wrong",
                f"PINGCRM_WEBHOOK_ALLOW allows everything ({network}): every user can have any host of your network called. Name the"
                " networks of the receivers.",
            )
        elif any(network.overlaps(metadata) for metadata in CLOUD_METADATA if metadata.version == network.version):
            yield Finding(
                "wrong",
                f"PINGCRM_WEBHOOK_ALLOW holds {network}, where clouds answer with a machine's credentials: name a smaller network.",
            )
    if networks:
        yield Finding("ok", f"Webhooks may call the public internet and {', '.join(map(str, networks))}.")


def check_data_dir(data_dir: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    existing = data_dir
    while not os.path.lexists(existing):  # a path under a folder that we may not enter is just not there
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            "wrong", f"The data folder {data_dir} can't be written: choose another with --data-dir or PINGCRM_DATA_DIR."
        )
        return
    secrets = data_dir / "secrets.json"
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        yield Finding("wrong", f"{secrets} can be read by others: chmod 600 it.")
    try:
        lost = why_lost(data_dir, environment)
    except (MissingSecret, Unusable) as error:
        lost = str(error)
    if lost:
        yield Finding("wrong", lost)
    yield Finding("ok", f"Data is kept in {data_dir}.")


async def check_servers(servers: Servers) -> AsyncIterator[Finding]:
    """Each server: reached, or startable from its wheel."""
    for name, url, program in (
        ("PostgreSQL", servers.postgres, postgres_server.programs),
        ("NATS", servers.nats, nats_server.program),
        ("Redis", servers.redis, valkey_server.program),
    ):
        if not url:
            try:
                program()
            except ServerFailed as error:
                yield Finding("wrong", str(error))
            else:
                yield Finding("ok", f"{name} is embedded: `pingcrm up` starts it.")
            continue
        try:
            findings = await _REACH[name](url)
        except UNUSABLE as error:
            yield Finding("wrong", f"{name} at {without_login(url)} can't be used: {error or type(error).__name__}.")
        else:
            yield Finding("ok", f"{name} at {without_login(url)} answers.")
            for finding in findings:
                yield finding


async def check_redis_logins(servers: Servers) -> AsyncIterator[Finding]:
    """Where the server is not ours: whether each service has a login of its own, and may use the keys that it needs."""
    shared = [service for service in SERVICES if service not in servers.redis_of]
    if servers.redis and shared:
        yield Finding(
            "note",
            f"One Redis login is shared by {', '.join(shared)}: each can read the others' keys. `pingcrm redis-acl` prints"
            f" users with keys of their own; name them in {redis_url_name(shared[0])} and so on.",
        )
    for service, url in servers.redis_of.items():
        try:
            async with _redis_client(url) as client:
                for namespace in NAMESPACES[service]:
                    await client.get(f"{namespace}:doctor")
        except UNUSABLE as error:
            where = f"The Redis login of {service} at {without_login(url)}"
            yield Finding("wrong", f"{where} can't be used: {error or type(error).__name__}.")


async def _reach_postgres(url: str) -> Sequence[Finding]:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()
    return ()


async def _reach_nats(url: str) -> Sequence[Finding]:
    connection = await connect_admin(url)
    try:
        await connection.jetstream().account_info()
    finally:
        await connection.close()
    return tuple(check_max_payload(connection.max_payload))


def check_max_payload(max_payload_bytes: int) -> Iterator[Finding]:
    """What does not fit is refused by name, so too little is a pity and no danger."""
    if max_payload_bytes < MAX_PAYLOAD_BYTES:
        yield Finding(
            "note",
            f"NATS carries messages of at most {max_payload_bytes:,} bytes: set max_payload to {MAX_PAYLOAD_BYTES}, as"
            " `pingcrm nats-config` does, or large replies are refused.",
        )


def _redis_client(url: str) -> redis.asyncio.Redis:
    return redis.asyncio.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)


async def _reach_redis(url: str) -> Sequence[Finding]:
    async with _redis_client(url) as client:
        await client.ping()
    return ()


_REACH = {"PostgreSQL": _reach_postgres, "NATS": _reach_nats, "Redis": _reach_redis}
