"""How much there is, and everything of it page by page."""

from typing import Any, Literal

from pydantic import Field

from libs.common.ids import UserId
from libs.common.requests.request import FrozenModel, Query


class Counts(FrozenModel):
    """How much there is: `messages` and `meetings` are interactions, `imported` are linked Google cards."""

    contacts: int
    messages: int
    meetings: int
    imported: int
    other: int


class CountContacts(Query[Counts]):
    subject = "contacts.counts"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = Counts

    user_id: UserId


class ExportPage(FrozenModel):
    """Rows of the archive, as plain JSON objects."""

    items: tuple[dict[str, Any], ...]
    next_cursor: str | None = None


class ExportContacts(Query[ExportPage]):
    """Everything in `contacts` about a user, page by page: contacts first, interactions after."""

    subject = "contacts.export"
    served_by = "contacts"
    requested_by = ("gateway",)
    reply = ExportPage

    user_id: UserId
    what: Literal["contacts", "interactions"]
    cursor: str | None = None
    limit: int = Field(200, ge=1, le=500)
