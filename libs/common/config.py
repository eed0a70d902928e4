"""Settings of a process, read once from `PINGCRM_*` variables of the environment. Users' own settings: preferences.py."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


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
    secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()

    # Google and Claude.
    google_client_id: str = ""
    google_client_secret: SecretStr = SecretStr("")
    google_api_root: str = ""
    google_oauth_root: str = ""
    google_concurrency: int = Field(10, ge=1, le=100)
    google_timeout_seconds: float = Field(30.0, gt=0)
    anthropic_api_key: SecretStr = SecretStr("")
    anthropic_base_url: str = ""
    anthropic_model: str = "claude-haiku-4-5"

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

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: object) -> object:
        """Keys are separated by commas; the first encrypts, all decrypt."""
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @property
    def base_url(self) -> str:
        """The URL under which people reach PingCRM, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def redirect_uri(self) -> str:
        """Where Google sends people back after consent; it must be registered with the OAuth client."""
        return f"{self.base_url}/oauth/google/callback"
