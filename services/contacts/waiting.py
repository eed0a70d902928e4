"""Mail that nobody has answered, piece by piece from the newest: who finds enough in the first pieces reads no more."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

from libs.common.db import Connection
from libs.common.ids import InteractionId, UserId
from services.contacts.domain.waiting import UnansweredMail
from services.contacts.store import waiting

_FIRST_ID = InteractionId(UUID(int=0))
FIRST_PIECE, LONGEST_PIECE, GROWTH = 60, 240, 4
"""How many messages are looked at together at first and at most, and by how much a piece is longer than the one before."""


async def unanswered_mail(
    connection: Connection, user_id: UserId, later_than: datetime, before: datetime
) -> AsyncIterator[list[UnansweredMail]]:
    """The messages of a time that contacts wrote and nobody has answered, the newest first."""
    position, length = (before, _FIRST_ID), FIRST_PIECE
    while True:
        piece = await waiting.list_mail_of_people(connection, user_id, later_than, position, length)
        if piece:
            yield await waiting.list_unanswered(connection, [interaction_id for _, interaction_id in piece])
        if len(piece) < length:
            return
        position, length = piece[-1], min(length * GROWTH, LONGEST_PIECE)
