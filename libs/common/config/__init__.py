"""Settings of a process, read once from variables of the environment: `PINGCRM_*`, and some of OpenTelemetry. Users' own: preferences.py.

A line of `Settings` is all there is to a setting: validation, `pingcrm doctor`, what each service is given, the table of the README
and the environment of the containers come from it (`make docs` writes the last two).
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from libs.common.config.google import GMAIL_UNITS, Prices, Subscription, Topic
from libs.common.config.places import (
    File,
    Folder,
    Host,
    NatsUrl,
    Networks,
    Port,
    PostgresUrl,
    PublicUrl,
    RedisUrl,
    WebUrl,
)  # fmt: skip
from libs.common.config.traces import Headers, Sampler
from libs.common.config.values import Address, Addresses, Keys, LogFormat, LogLevel, Secret, SignUpRule, Word
from libs.common.ids import SERVICES, Service
from libs.common.tls import TlsFiles

__all__ = ["GMAIL_UNITS", "Settings", "settings_from", "variable"]

PREFIX = "PINGCRM_"
OPENTELEMETRY_PREFIX = "OTEL_"


def setting(
    default: Any, description: str, *, unset: str = "", readers: Iterable[Service] = SERVICES, **limits: Any
) -> Any:
    """The definition of a setting: what holds without it, what it is for (Markdown), which services are given it.

    `unset` is the default in words, where the value itself says nothing to a person. `limits`: those of pydantic's `Field`.
    """
    extra: dict[str, Any] = {"unset": unset, "readers": list(readers)}
    return Field(default, description=description, json_schema_extra=extra, **limits)


class Settings(BaseSettings):
    """Every field is the variable `PINGCRM_<NAME>`, or OpenTelemetry's `OTEL_<NAME>`. A variable that is empty is not set."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    # The web.
    port: Port = setting(8025, "where the gateway listens; 0 takes a free port")
    host: Host = setting("127.0.0.1", "on which address of this machine it listens")
    public_url: PublicUrl = setting(
        "", "the address under which people reach it (https in production)", unset="`http://HOST:PORT`"
    )
    health_port: Port = setting(
        0,
        "for `run SERVICE`: where its `/health/live`, `/health/ready` and `/metrics` are; without it there are no metrics",
        unset="none",
    )
    trusted_proxies: Networks = setting(
        (),
        "addresses and networks of your proxies, separated by commas: whose `X-Forwarded-For` counts",
        readers=["gateway"],
    )
    api_requests_per_minute: int = setting(
        600, "of each user, a minute's worth at once; 0 = no limit", readers=["gateway"], ge=0
    )

    # Where the servers are. A service logs in with its own role and its own NATS user: the URLs carry them.
    data_dir: Folder = setting(None, "the folder of `pingcrm up`", unset="data home", readers=[])
    postgres_url: PostgresUrl = setting(
        "",
        "a PostgreSQL of yours. For `up` and `migrate`: an administrator's login; for `run SERVICE`: that service's own",
        unset="embedded",
    )
    nats_url: NatsUrl = setting(
        "", "a NATS of yours, likewise; of a cluster several, separated by commas", unset="embedded"
    )
    redis_url: RedisUrl = setting("", "a Redis or Valkey of yours, likewise", unset="embedded")
    tls_ca: File = setting(
        None,
        "where the URLs of the servers ask for TLS: a file of the CA certificates that are trusted; see"
        " [Servers of your own](docs/operating.md#servers-of-your-own)",
        unset="the system's",
    )
    tls_cert: File = setting(None, "the certificate that we show to servers which want one")
    tls_key: File = setting(None, "its key", unset="in `PINGCRM_TLS_CERT`")

    # Who may sign in, and the keys: the first of each seals or signs, all open.
    sign_up: SignUpRule = setting(
        ("first",),
        "who may become a user: `first` (whoever signs in first owns it, then nobody else), `open`, or addresses and `@domains`,"
        " separated by commas",
        readers=["auth"],
    )
    operators: Addresses = setting(
        (), "addresses that are operators beside the owner, and are always let in", readers=["auth"]
    )
    secret_keys: Keys = setting(
        (),
        "keys of `auth` for refresh tokens and sign-ins under way, separated by commas; the first encrypts, all decrypt",
        unset="generated",
        readers=["auth"],
    )
    webhook_keys: Keys = setting(
        (),
        "keys of the gateway that sign webhook calls, separated by commas; the first one's secret is shown, all sign",
        unset="generated",
        readers=["gateway"],
    )

    webhook_allow: Networks = setting(
        (),
        "networks (`10.1.0.0/16`) and addresses that webhooks may call beside the public internet, separated by commas. An installation"
        " on loopback may call everything",
        readers=["gateway"],
    )

    # Google.
    google_client_id: Word = setting("", "the OAuth client", readers=["auth"])
    google_client_secret: Secret = setting(SecretStr(""), "its secret", readers=["auth"])
    google_api_root: WebUrl = setting("", "another host for the three APIs and people's photos", unset="Google")
    google_oauth_root: WebUrl = setting("", "another host for consent, tokens and certificates", unset="Google")
    google_concurrency: int = setting(10, "requests at once per mailbox", ge=1, le=100)
    google_timeout_seconds: float = setting(30.0, "patience per request", gt=0, le=600)
    google_batch_size: int = setting(20, "messages and threads in one request to Gmail; 1 = no batches", ge=1, le=100)
    google_batch_parts_per_slot: int = setting(
        10, "so many parts of a batch count as one request at once", ge=1, le=100
    )
    gmail_units_per_minute: int = setting(
        6_000,
        "Gmail's quota per mailbox, kept by all replicas together; 0 = no limit. Projects from before May 2026 have 15000",
        ge=0,
    )
    gmail_project_units_per_minute: int = setting(
        1_200_000, "Gmail's quota for all mailboxes, likewise; 0 = no limit", ge=0
    )
    gmail_live_percent: float = setting(
        0.5, "how much of each quota imports and schedules leave for what somebody waits for", ge=0, le=50
    )
    calendar_project_requests_per_minute: int = setting(
        10_000, "the calendar's quota for all accounts, in requests, kept likewise; 0 = no limit", ge=0
    )
    gmail_units: Prices = setting(
        GMAIL_UNITS,
        'quota units of methods that cost you something else, as JSON: `{"messages.get": 5, "threads.get": 10}`',
        unset="Google's prices",
    )
    google_pubsub_topic: Topic = setting("", "`projects/P/topics/T` that Gmail tells of new mail: see [Push](#push)")
    google_pubsub_subscription: Subscription = setting("", "to pull notifications: `projects/P/subscriptions/S`")
    google_application_credentials: File = setting(
        None, "to pull notifications: the path of a service account's key", readers=["sync"]
    )
    google_pubsub_service_account: Address = setting("", "to be pushed to: who signs")
    google_pubsub_audience: Word = setting("", "to be pushed to: for which audience", unset="the endpoint's URL")
    google_pubsub_root: WebUrl = setting("", "another host for Pub/Sub", unset="Google")

    # Claude.
    anthropic_api_key: Secret = setting(
        SecretStr(""),
        "the key for Claude, who writes the talking points; without it they are derived from the facts",
        readers=["prep"],
    )
    anthropic_base_url: WebUrl = setting("", "another host for Claude", unset="Anthropic", readers=["prep"])
    anthropic_model: Word = setting("claude-haiku-4-5", "which Claude", readers=["prep"])
    anthropic_daily_budget_usd: float = setting(
        0.5,
        "what that may cost per user and day (UTC), in US dollars; then points are derived from the facts. 0 = nothing is sent",
        readers=["prep"],
        ge=0,
    )

    # What is read, and when a brief is due.
    mail_poll_seconds: int = setting(
        60,
        "how often Gmail is asked for news, quiet mailboxes up to ten times more seldom; 0 = only on schedule and on demand",
        ge=0,
        le=86_400,
    )
    calendar_past_days: int = setting(1095, "how far back meetings are read; 0 = all the past", ge=0, le=36_500)
    calendar_ahead_days: int = setting(60, "how far ahead meetings are read", ge=1, le=3_650)
    prep_window_from_minutes: int = setting(30, "a brief is due from so long before its meeting", ge=1, le=1_440)
    prep_window_to_minutes: int = setting(40, "up to so long before", ge=2, le=1_440)
    prep_catch_up_minutes: int = setting(5, "how late a brief is still useful", ge=1, le=1_440)

    # Operating.
    stream_replicas: int = setting(1, "copies of each NATS stream in a cluster", readers=[], ge=1, le=5)
    pool_size: int = setting(8, "database connections per process; `sync` may have twice as many", ge=1, le=1_000)
    log_level: LogLevel = setting("INFO", "from which level on lines are logged")
    log_format: LogFormat = setting("auto", "`json`, `pretty`, or with `auto` pretty on a terminal only")

    # Traces. The SDK of OpenTelemetry reads these and its other variables by itself; here they are checked.
    otel_exporter_otlp_endpoint: WebUrl = setting(
        "", "a collector of OpenTelemetry that gets [traces](docs/operating/traces.md), over HTTP"
    )
    otel_exporter_otlp_headers: Headers = setting(
        SecretStr(""), "what the collector is given with them, such as a token"
    )
    otel_traces_sampler: Sampler = setting(
        "parentbased_always_on", "which traces are kept; `parentbased_traceidratio` keeps a part of them"
    )
    otel_traces_sampler_arg: float = setting(1.0, "how large that part is", ge=0, le=1)

    @property
    def tls_files(self) -> TlsFiles:
        """For the servers whose URLs ask for TLS."""
        return TlsFiles(self.tls_ca, self.tls_cert, self.tls_key)

    @property
    def push_endpoint(self) -> str:
        """Where Pub/Sub sends Gmail's notifications."""
        return f"{self.base_url}/api/v1/hooks/gmail"

    @property
    def calendar_push_endpoint(self) -> str:
        """Where Google sends its notifications of calendars; empty where it can't: it takes https alone. A local Google takes any."""
        is_reachable = self.public_url.startswith("https://") or (self.public_url and self.google_api_root)
        return f"{self.base_url}/api/v1/hooks/calendar" if is_reachable else ""

    @property
    def push_audience(self) -> str:
        """Whom the token that comes with a pushed notification must name."""
        return self.google_pubsub_audience or self.push_endpoint

    @property
    def base_url(self) -> str:
        """The URL under which people reach PingCRM, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def redirect_uri(self) -> str:
        """Where Google sends people back after consent; it must be registered with the OAuth client."""
        return f"{self.base_url}/oauth/google/callback"

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, InitSettingsSource(settings_cls, _set_in(os.environ))


class _Given(Settings):
    """Settings of what it is handed, whatever our own environment holds."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def variable(field: str) -> str:
    """The variable of a field of `Settings`."""
    name = field.upper()
    return name if name.startswith(OPENTELEMETRY_PREFIX) else PREFIX + name


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings of an environment that need not be ours. Raises ValidationError, as `Settings()` does."""
    return _Given(**_set_in(environment))


def _set_in(environment: Mapping[str, str]) -> dict[str, Any]:
    """The values that an environment has, by field."""
    values = {field: environment.get(variable(field), "") for field in Settings.model_fields}
    return {field: value for field, value in values.items() if value}
