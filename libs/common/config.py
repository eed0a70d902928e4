"""Settings of a process, read once from `PINGCRM_*` variables of the environment. Users' own settings: preferences.py."""

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from libs.common.addresses import canonical

# Gmail's prices in quota units, as of 1 May 2026. https://developers.google.com/workspace/gmail/api/reference/quota
GMAIL_UNITS: Mapping[str, int] = {
    "getProfile": 1,
    "history.list": 2,
    "messages.get": 20,
    "messages.list": 5,
    "messages.send": 100,
    "settings.sendAs.list": 1,
    "stop": 50,
    "threads.get": 40,
    "watch": 100,
}
_PUBSUB_NAME = re.compile(r"projects/[^/\s]+/(topics|subscriptions)/[^/\s]+")


class Settings(BaseSettings):
    """Every field is the variable `PINGCRM_<NAME>`; the README has the table."""

    model_config = SettingsConfigDict(env_prefix="PINGCRM_", frozen=True, extra="ignore")

    # Where the servers are. A service logs in with its own role and its own NATS user: the URLs carry them.
    postgres_url: str = ""
    nats_url: str = ""
    redis_url: str = ""
    data_dir: Path | None = None

    # The web.
    host: str = "127.0.0.1"
    port: int = 8025
    public_url: str = ""
    health_port: int = 0
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="whose X-Forwarded-For counts"
    )
    api_requests_per_minute: int = Field(600, ge=0, description="of one user; 0 = no limit")

    # Who may sign in, and the keys: the first of each seals or signs, all open.
    sign_up: Annotated[tuple[str, ...], NoDecode] = Field(
        ("first",), description="`first`, `open`, or canonical addresses and @domains"
    )
    operators: Annotated[tuple[str, ...], NoDecode] = Field((), description="canonical addresses")
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    webhook_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    webhook_allow: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="networks beside the public internet that users' webhooks may be in"
    )

    # Google and Claude.
    google_client_id: str = ""
    google_client_secret: SecretStr = SecretStr("")
    google_api_root: str = ""
    google_oauth_root: str = ""
    google_concurrency: int = Field(10, ge=1, le=100, description="requests at once per mailbox")
    google_batch_size: int = Field(20, ge=1, le=100, description="messages and threads per request; 1 = no batches")
    google_batch_parts_per_slot: int = Field(
        10, ge=1, le=100, description="so many parts are one of google_concurrency"
    )
    google_timeout_seconds: float = Field(30.0, gt=0)
    gmail_units_per_minute: int = Field(6_000, ge=0, description="quota units of a mailbox; 0 = no limit")
    gmail_project_units_per_minute: int = Field(1_200_000, ge=0, description="of all mailboxes; 0 = no limit")
    gmail_live_percent: float = Field(1.0, ge=0, le=50, description="of both, kept from imports for what is new")
    gmail_units: Mapping[str, int] = Field(GMAIL_UNITS, description="by method; those not named keep their price")
    google_pubsub_topic: str = Field("", description="projects/P/topics/T; empty = no push")
    google_pubsub_subscription: str = Field(
        "", description="projects/P/subscriptions/S; set = notifications are pulled"
    )
    google_pubsub_service_account: str = Field("", description="the email that signs pushes; set = they are accepted")
    google_pubsub_audience: str = ""
    google_application_credentials: Path | None = Field(None, description="a service account's key file, for pulling")
    google_pubsub_root: str = ""
    anthropic_api_key: SecretStr = SecretStr("")
    anthropic_base_url: str = ""
    anthropic_model: str = "claude-haiku-4-5"
    anthropic_daily_budget_usd: float = Field(
        0.5, ge=0, description="what the talking points of one user may cost on a day (UTC); 0 = nothing is sent"
    )

    # What is read, and when a brief is due.
    calendar_past_days: int = Field(1095, ge=0, description="0 = everything")
    calendar_ahead_days: int = Field(60, ge=1)
    mail_poll_seconds: int = Field(60, ge=0, description="0 = no polling")
    prep_window_from_minutes: int = Field(30, ge=1)
    prep_window_to_minutes: int = Field(40, ge=2)
    prep_catch_up_minutes: int = Field(5, ge=1)

    # Operating.
    stream_replicas: int = Field(1, ge=1, le=5)
    pool_size: int = Field(8, ge=1)
    log_level: str = Field("INFO", pattern="(?i)^(debug|info|warning|error|critical)$")
    log_format: str = Field("auto", pattern="^(auto|json|pretty)$")

    @field_validator("secret_keys", "webhook_keys", "sign_up", "operators", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("sign_up")
    @classmethod
    def _is_a_rule_or_a_list(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Canonical, so that entries are compared and not read again. Nothing at all is the default, which is closed."""
        words = {entry.lower() for entry in value} & {"first", "open"}
        if words and len(value) > 1:
            raise ValueError(f"{words.pop()} stands alone, or there is a list of addresses and @domains")
        if words or not value:
            return (words.pop() if words else "first",)
        return tuple(
            _canonical_domain(entry) if entry.startswith("@") else _canonical_address(entry) for entry in value
        )

    @field_validator("operators")
    @classmethod
    def _are_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_canonical_address, value))

    @field_validator("trusted_proxies", "webhook_allow", mode="before")
    @classmethod
    def _are_networks(cls, value: object) -> object:
        """An address is a network of one. Bits beyond the prefix are refused: nobody can know what was meant."""
        parts = cls._split_at_commas(value)
        if not isinstance(parts, tuple):
            return value
        try:
            return tuple(ip_network(part) for part in parts)
        except ValueError as error:
            raise ValueError(f"name addresses or networks such as 10.0.0.0/8: {error}") from None

    @field_validator("google_pubsub_topic", "google_pubsub_subscription")
    @classmethod
    def _is_a_resource_name(cls, value: str, info: ValidationInfo) -> str:
        """Pub/Sub's full names; a bare one would only fail once it is used."""
        kind = "topics" if info.field_name == "google_pubsub_topic" else "subscriptions"
        name = _PUBSUB_NAME.fullmatch(value)
        if value and (name is None or name[1] != kind):
            raise ValueError(f"write it in full, as projects/PROJECT/{kind}/NAME")
        return value

    @field_validator("gmail_units")
    @classmethod
    def _complete_the_prices(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        if unknown := value.keys() - GMAIL_UNITS.keys():
            raise ValueError(f"there are no such methods: {', '.join(sorted(unknown))}")
        if any(units < 0 for units in value.values()):
            raise ValueError("a price is a whole number from 0")
        return {**GMAIL_UNITS, **value}

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
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def redirect_uri(self) -> str:
        """Where Google sends people back after consent; it must be registered with the OAuth client."""
        return f"{self.base_url}/oauth/google/callback"


def _canonical_address(entry: str) -> str:
    """Raises ValueError with a sentence: `Settings` reports it."""
    address = canonical(entry)
    if address is None:
        raise ValueError(f"{entry!r} is no address; write name@example.org, and @example.org for a whole domain")
    return address


def _canonical_domain(entry: str) -> str:
    """`@domain`. Raises ValueError as `_canonical_address` does."""
    address = canonical(f"anybody{entry}")
    if address is None:
        raise ValueError(f"{entry!r} is no domain; write @example.org")
    return "@" + address.partition("@")[2]
