"""What every event is made of."""

import hashlib
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.common.ids import Service


class Event(BaseModel):
    """Something that happened. Frozen, in the past tense, delivered at least once."""

    model_config = ConfigDict(frozen=True, defer_build=True)  # as in requests/request.py

    subject: ClassVar[str]
    published_by: ClassVar[tuple[Service | Literal["clock", "connector"], ...]]
    consumed_by: ClassVar[tuple[Service, ...]]

    # An order to delete must not be lost in the deletion that it orders: its dead letters stay when those of its user go.
    outlives_purge: ClassVar[bool] = False
    # A hint that nobody can handle is dropped: what it reports is found without it, and nothing private is kept under no name.
    is_hint: ClassVar[bool] = False

    def key(self) -> str:
        """What makes two publications of this event the same one (`Nats-Msg-Id`); empty = never the same."""
        return ""

    def about(self) -> dict[str, UUID]:
        """The `user` and the `account` that it concerns, where it concerns one: what its log lines carry."""
        return {name: value for name in ("user", "account") if (value := getattr(self, f"{name}_id", None))}

    def useful_until(self) -> datetime | None:
        """Until when handling it is of any use; retries don't wait past that. None: always."""
        return None


def address_digest(address: str) -> str:
    """Stands for an address in a key: keys are headers, which are shown where bodies are not."""
    return hashlib.sha256(address.encode()).hexdigest()[:32]
