"""What a user can set. Owned by `auth`, read with `auth.settings`, published with `settings.changed`.

What is read from the database or the bus may be of a newer version: fields that are unknown here are passed over, and `auth` keeps
them. What comes in over HTTP is checked more strictly, by the models of the gateway.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, field_validator

from libs.common.time_zones import known_zone

# Google's ids of calendars look like addresses; PostgreSQL refuses NUL.
CalendarId = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f]+$")]
ContactCreation = Literal["people", "sent_only", "none", "everyone"]
# What a webhook can be called for: the kinds of notifications, and changes of contacts, of which nobody is notified otherwise.
WebhookEvent = Literal[
    "account.reauth_required", "permissions.missing", "sync.completed", "sync.failed", "bcc.unclaimed", "prep.sent",
    "prep.failed", "export.done", "export.failed", "contact.changed",
]  # fmt: skip
WEBHOOK_EVENTS: tuple[WebhookEvent, ...] = get_args(WebhookEvent)
CONTACT_CHANGED: WebhookEvent = "contact.changed"


class GmailPreferences(BaseModel):
    """The group `gmail` of `GET /settings`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    mail_lookback_days: int = Field(365, ge=0, le=36500, description="How far back mail is imported; 0 = all of it.")
    contact_creation: ContactCreation = Field("people", description="Whom mail and meetings turn into contacts.")
    own_addresses: tuple[str, ...] = Field(
        (), max_length=50, description="More addresses that are me, not connected here."
    )
    calendar_ids: tuple[CalendarId, ...] = Field(
        (), max_length=50, description="Calendars to read beside the primary one."
    )
    meeting_prep_enabled: bool = Field(True, description="Send a brief before each meeting.")
    meeting_prep_unknown: bool = Field(False, description="Also where I have no history with any guest.")
    meeting_prep_private: bool = Field(False, description="Also for events marked private.")
    time_zone: str = Field(
        "",
        max_length=100,
        description="In which zone I read times (`Europe/Berlin`); empty: that of the primary calendar.",
    )

    @field_validator("own_addresses")
    @classmethod
    def _look_like_addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if address.count("@") != 1 or len(address) > 254 or not address.isprintable() or " " in address:
                raise ValueError(f"{address!r} is not an email address")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_a_time_zone(cls, value: str) -> str:
        if value and known_zone(value) is None:
            raise ValueError(f"{value!r} is not a time zone such as Europe/Berlin")
        return value


class NotificationPreferences(BaseModel):
    """The group `notifications`: where else notifications go."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    webhook_url: HttpUrl | None = Field(None, description="What happens is also POSTed here, signed.")
    webhook_events: tuple[WebhookEvent, ...] = Field(
        tuple(event for event in WEBHOOK_EVENTS if event != CONTACT_CHANGED),
        description="What is POSTed: notifications of these kinds, and `contact.changed`. Nothing else is.",
    )

    @field_validator("webhook_events", mode="before")
    @classmethod
    def _pass_over_unknown(cls, value: object) -> object:
        """Kinds of a newer version, as its fields are passed over. A model that forbids unknown fields forbids these, too."""
        if not isinstance(value, list | tuple):
            return value
        passes_over = cls.model_config.get("extra") == "ignore"
        return tuple(event for event in value if event in WEBHOOK_EVENTS or not passes_over)

    @field_validator("webhook_events")
    @classmethod
    def _each_once(cls, value: tuple[WebhookEvent, ...]) -> tuple[WebhookEvent, ...]:
        """In the order in which they are declared, so that one choice is one value."""
        return tuple(event for event in WEBHOOK_EVENTS if event in value)


class Preferences(BaseModel):
    """All settings of one user."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    gmail: GmailPreferences = GmailPreferences()
    notifications: NotificationPreferences = NotificationPreferences()
