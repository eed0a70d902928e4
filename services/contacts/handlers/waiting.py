"""Mail that waits on the user."""

from datetime import UTC, datetime

from libs.common.errors import not_found
from libs.common.requests import DismissWaiting, Done, ListWaiting, RestoreWaiting, Waiting, WaitingMail
from services.contacts.context import Context
from services.contacts.domain.waiting import MOST, OLDER_THAN, YOUNGER_THAN, UnansweredMail, asks, topic, waiting_mail
from services.contacts.store import waiting
from services.contacts.waiting import unanswered_mail


async def list_waiting(context: Context, query: ListWaiting) -> Waiting:
    """By the rules of domain/waiting.py, as of now; looked at are the newest 800 messages that people wrote."""
    now = datetime.now(UTC)
    unanswered: list[UnansweredMail] = []
    found: list[UnansweredMail] = []
    async with context.db.acquire() as connection:
        pieces = unanswered_mail(connection, query.user_id, now - YOUNGER_THAN, now - OLDER_THAN)
        async for piece in pieces:
            unanswered += piece
            found = waiting_mail(unanswered, now)
            if len(found) == MOST:
                break
    return Waiting(items=tuple(map(_shown, found)))


def _shown(mail: UnansweredMail) -> WaitingMail:
    return WaitingMail(
        interaction_id=mail.interaction_id,
        contact_id=mail.contact_id,
        name=mail.name,
        topic=topic(mail.title),
        text=mail.text,
        asked=asks(mail),
        occurred_at=mail.occurred_at,
    )


async def dismiss_waiting(context: Context, command: DismissWaiting) -> Done:
    """Remember that this message needs no answer. A later one of the same thread may wait again. Refused: `not_found`."""
    async with context.db.acquire() as connection:
        if not await waiting.dismiss(connection, command.user_id, command.interaction_id, datetime.now(UTC)):
            raise not_found("message")
    return Done()


async def restore_waiting(context: Context, command: RestoreWaiting) -> Done:
    """Forget that this message was dismissed: it waits again where it still would. Refused: `not_found`."""
    async with context.db.acquire() as connection:
        if not await waiting.restore(connection, command.user_id, command.interaction_id):
            raise not_found("message")
    return Done()
