"""Exports that are made in the background: their states, and what is said about them. Pure."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from libs.common.ids import UserId
from services.gateway.domain.notifications import NewNotification

State = Literal["making", "done", "failed"]
KEPT = timedelta(hours=24)
MAX_CLAIMS = 3
"""How often it is begun: what three replicas died of, the fourth would."""
LINK = "/settings#data"
BROKE_OFF = "It broke off several times."


class Export(BaseModel):
    """An archive of everything. `counted` of `total` contacts and interactions are written so far; `total` is null until it is known."""

    id: UUID
    state: State
    counted: int
    total: int | None
    bytes: int = Field(description="The size of the archive, when it is done.")
    problem: str = Field(description="Why it failed; then start another one.")
    created_at: datetime
    finished_at: datetime | None

    @property
    def expires_at(self) -> datetime | None:
        return self.finished_at + KEPT if self.finished_at else None

    @property
    def percent(self) -> int | None:
        """Never 100 before it is done, though things may arrive while it is made."""
        return min(self.counted * 100 // self.total, 99) if self.total else None


def notification_of(user_id: UserId, export: Export) -> NewNotification:
    """That an export is done, or has failed."""
    done = export.state == "done"
    return NewNotification(
        user_id=user_id,
        account_id=None,
        kind="export.done" if done else "export.failed",
        level="info" if done else "error",
        title="Your export is ready" if done else "Your export failed",
        body=f"Everything as one archive ({size_text(export.bytes)}). It can be downloaded for 24 hours."
        if done
        else f"{export.problem} Nothing was lost; start it again under Settings, Data.",
        link=LINK,
        event_key=f"export:{export.id}",
    )


def size_text(size_bytes: int) -> str:
    """`812 kB`, `1.4 MB`, `2.0 GB`."""
    if size_bytes < 1_000_000:
        return f"{max(size_bytes // 1_000, 1)} kB"
    if size_bytes < 999_950_000:  # from there on it is 1.0 GB
        return f"{size_bytes / 1_000_000:.1f} MB"
    return f"{size_bytes / 1_000_000_000:.1f} GB"
