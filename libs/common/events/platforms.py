"""What connectors report of other platforms."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from libs.common.events.event import Event
from libs.common.ids import UserId


class Identity(BaseModel):
    """What identifies a person on a platform: kind (`email`, `phone`, `telegram`, `linkedin`, …) and value, and what they are called there.

    `emails` and `phones`: what the platform shows of the same person besides. They link nobody: whose they are is suggested to the user.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: str
    value: str
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()


class InteractionReported(Event):
    """A connector saw a message, call or note on its platform (not `gmail`, `email` or `calendar`). `ref` is unique per user and platform.

    Reported again it replaces what was reported before, so no two reports are the same one: a correction has to get through.
    """

    subject = "interaction.reported"
    published_by = ("gateway", "connector")
    consumed_by = ("contacts",)

    user_id: UserId
    platform: str
    ref: str
    occurred_at: datetime
    direction: Literal["inbound", "outbound", "mutual"]
    kind: str
    identities: tuple[Identity, ...]
    title: str = ""
    text: str = ""
    thread: str = ""


class ProfileReported(Event):
    """A connector read somebody's profile: the bio on its platform."""

    subject = "profile.reported"
    published_by = ("gateway", "connector")
    consumed_by = ("contacts",)

    user_id: UserId
    platform: Literal["twitter", "linkedin", "telegram"]
    identity: Identity
    bio: str
    at: datetime
