"""What fits together and what does not, of settings that are valid each by itself. Pure, but for the key file of a service account."""

import ipaddress
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from libs.common.config import Settings
from libs.common.config.definitions import definitions
from libs.common.google.oauth import Misconfigured
from libs.common.google.service_account import read_key_file
from libs.local.doctor.addresses import is_loopback
from libs.local.doctor.encryption import check_tls, is_open_to_others
from libs.local.doctor.finding import Finding
from libs.local.doctor.place import Place
from libs.local.urls import without_login

GRPC_PORT = 4317  # of collectors; over HTTP they listen on 4318
CLOUD_METADATA = tuple(map(ipaddress.ip_network, ("169.254.0.0/16", "fd00:ec2::254/128")))


def check_settings(settings: Settings, place: Place = "up") -> Iterator[Finding]:
    """All of them; of a service by itself, what the settings that it is given can be wrong about."""
    for check, name in CHECKS:
        match place:
            case "up":
                is_concerned = True
            case "migrate":
                is_concerned = check is check_tls
            case service:
                is_concerned = service in definitions()[name].readers
        if is_concerned:
            yield from check(settings)


def check_web(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.base_url).hostname or ""
    if settings.base_url.startswith("http:") and settings.public_url and not is_loopback(host):
        yield Finding("wrong", "PINGCRM_PUBLIC_URL must begin with https:// — Google sends nobody back to plain http.")
    if not is_loopback(settings.host) and not settings.public_url:
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
    if not settings.trusted_proxies and settings.base_url.startswith("https:") and not is_loopback(host):
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


def check_google_client(settings: Settings) -> Iterator[Finding]:
    client = {
        "PINGCRM_GOOGLE_CLIENT_ID": settings.google_client_id,
        "PINGCRM_GOOGLE_CLIENT_SECRET": settings.google_client_secret.get_secret_value(),
    }
    missing = [name for name, value in client.items() if not value]
    if not missing:
        yield Finding(
            "ok", f"The Google client is set. Its redirect URI must be registered as exactly {settings.redirect_uri}"
        )
    elif len(missing) < len(client):
        yield Finding("wrong", f"{missing[0]} not set: id and secret of the Google client go together.")
    else:
        yield Finding(
            "todo",
            f"{' and '.join(missing)} not set: nobody can sign in. Create an OAuth client of type Web application in the Google"
            f" Cloud console, with the redirect URI {settings.redirect_uri} (the README has the steps).",
        )


def check_google_hosts(settings: Settings) -> Iterator[Finding]:
    """Whether what is called is Google."""
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
    if pushes:
        if is_loopback(urlsplit(settings.push_endpoint).hostname or "") and not settings.google_pubsub_root:
            yield Finding(
                "wrong", "Pub/Sub can't push to this machine's loopback: set PINGCRM_PUBLIC_URL, or pull instead."
            )
        yield Finding(
            "ok",
            f"Pushes are taken at {settings.push_endpoint}, signed by {pushes} for the audience {settings.push_audience}",
        )


def check_pull(settings: Settings) -> Iterator[Finding]:
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
    if pulls and credentials is not None:
        yield Finding("ok", f"Notifications are pulled from {pulls}.")


def _check_key_file(path: Path) -> Iterator[Finding]:
    try:
        read_key_file(path)
    except Misconfigured as error:
        yield Finding("wrong", str(error))
        return
    if is_open_to_others(path):
        yield Finding("note", f"{path} can be read by others: chmod 600 it.")


def check_claude(settings: Settings) -> Iterator[Finding]:
    if settings.anthropic_api_key.get_secret_value():
        yield Finding("ok", f"Talking points are written by {settings.anthropic_model}.")
    else:
        yield Finding(
            "note", "PINGCRM_ANTHROPIC_API_KEY is not set: talking points are derived from the facts, without AI."
        )


def check_prep_window(settings: Settings) -> Iterator[Finding]:
    """When a brief is due."""
    if settings.prep_window_from_minutes >= settings.prep_window_to_minutes:
        yield Finding(
            "wrong",
            "PINGCRM_PREP_WINDOW_FROM_MINUTES must be less than PINGCRM_PREP_WINDOW_TO_MINUTES: no meeting fits.",
        )


def check_keys(settings: Settings) -> Iterator[Finding]:
    """None is fine on a laptop, where one is generated."""
    seals = {key.get_secret_value() for key in settings.secret_keys}
    if seals & {key.get_secret_value() for key in settings.webhook_keys}:
        yield Finding(
            "wrong",
            "PINGCRM_WEBHOOK_KEYS holds a key of PINGCRM_SECRET_KEYS: the gateway must not have what opens tokens.",
        )
    if len(settings.secret_keys) > 1:
        yield Finding(
            "note",
            f"PINGCRM_SECRET_KEYS has {len(settings.secret_keys)} keys, and the first one encrypts: after `pingcrm rotate` the"
            " others can be taken away.",
        )
    if len(settings.webhook_keys) > 1:
        yield Finding(
            "note",
            f"PINGCRM_WEBHOOK_KEYS has {len(settings.webhook_keys)} keys, and all of them sign: once receivers know the secret of"
            " the first, the others can be taken away.",
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


def check_traces(settings: Settings) -> Iterator[Finding]:
    """Whether a collector gets them."""
    endpoint = settings.otel_exporter_otlp_endpoint
    if not endpoint:
        if settings.otel_exporter_otlp_headers.get_secret_value():
            yield Finding("note", "OTEL_EXPORTER_OTLP_HEADERS is not used: OTEL_EXPORTER_OTLP_ENDPOINT is not set.")
        return
    if urlsplit(endpoint).port == GRPC_PORT:
        yield Finding(
            "note",
            f"OTEL_EXPORTER_OTLP_ENDPOINT has port {GRPC_PORT}, where collectors expect gRPC: over HTTP it is 4318.",
        )
    yield Finding("ok", f"Traces are sent to {without_login(endpoint)}.")


# Each with the setting whose readers it concerns.
CHECKS: tuple[tuple[Callable[[Settings], Iterator[Finding]], str], ...] = (
    (check_web, "PINGCRM_PUBLIC_URL"),
    (check_proxies, "PINGCRM_TRUSTED_PROXIES"),
    (check_sign_up, "PINGCRM_SIGN_UP"),
    (check_google_client, "PINGCRM_GOOGLE_CLIENT_ID"),
    (check_google_hosts, "PINGCRM_GOOGLE_API_ROOT"),
    (check_push, "PINGCRM_GOOGLE_PUBSUB_TOPIC"),
    (check_pull, "PINGCRM_GOOGLE_APPLICATION_CREDENTIALS"),
    (check_claude, "PINGCRM_ANTHROPIC_API_KEY"),
    (check_prep_window, "PINGCRM_PREP_WINDOW_FROM_MINUTES"),
    (check_keys, "PINGCRM_SECRET_KEYS"),
    (check_webhooks, "PINGCRM_WEBHOOK_ALLOW"),
    (check_tls, "PINGCRM_TLS_CA"),
    (check_traces, "OTEL_EXPORTER_OTLP_ENDPOINT"),
)
