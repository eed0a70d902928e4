"""Mail by its words, wherever it landed."""

from dataclasses import asdict

from libs.common.requests import FindMail, FoundMail, FoundMails
from services.contacts.context import Context
from services.contacts.domain.text import cleaned
from services.contacts.store.mail_search import TimelineOwners, list_mail, list_timeline_owners

MAX_TEXT = 500
OWNERS_SHOWN = 5
NOBODY = TimelineOwners()


async def find_mail(context: Context, query: FindMail) -> FoundMails:
    """The newest first; each with those on whose timelines it is."""
    async with context.db.acquire() as connection:
        mails = await list_mail(connection, query.user_id, cleaned(query.q, MAX_TEXT), query.limit)
        owners = await list_timeline_owners(connection, [mail.interaction_id for mail in mails], OWNERS_SHOWN)
    return FoundMails(
        items=tuple(
            FoundMail(**asdict(mail), owners=found.first, owners_total=found.total)
            for mail in mails
            for found in (owners.get(mail.interaction_id, NOBODY),)
        )
    )
