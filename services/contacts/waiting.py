"""Mail that nobody has answered, piece by piece from the newest: who finds enough in the first pieces reads no more."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.waiting import UnansweredMail
from services.contacts.store import waiting

_FIRST_ID = InteractionId(UUID(int=0))
PIECES = (60, 240, 500)
"""How many messages are looked at together, one piece after another; beyond the last of them nothing is looked at."""


async def unanswered_mail(
    connection: Connection, user_id: UserId, later_than: datetime, before: datetime
) -> AsyncIterator[list[UnansweredMail]]:
    """The messages of a time that nobody has answered, as far as who wrote them may wait for that; the newest first."""
    position = (before, _FIRST_ID)
    for length in PIECES:
        mails = await waiting.list_mail_of_people(connection, user_id, later_than, position, length)
        if mails:
            yield await waiting.list_unanswered(connection, mails)
        if len(mails) < length:
            return
        position = mails[-1].position
