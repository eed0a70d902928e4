"""Identifiers. Rows are keyed by UUIDv7, so that keys sort by creation time and indexes stay compact."""

from typing import Literal, NewType
from uuid import UUID

import uuid_utils.compat

UserId = NewType("UserId", UUID)
AccountId = NewType("AccountId", UUID)
ContactId = NewType("ContactId", UUID)
InteractionId = NewType("InteractionId", UUID)
MeetingId = NewType("MeetingId", UUID)
RunId = NewType("RunId", UUID)

Service = Literal["auth", "sync", "contacts", "prep", "gateway"]
SERVICES: tuple[Service, ...] = ("auth", "sync", "contacts", "prep", "gateway")


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid_utils.compat.uuid7()
