"""Why an email is not here: what became of the message with this id, or what there is with this subject."""

import asyncio
from uuid import UUID

from aiohttp import web

from libs.common.errors import not_found
from libs.common.ids import ContactId
from libs.common.requests import Contact, ExplainMessage, FindMail, FoundMail, GetContact, Why
from services.gateway.api.accounts import EXPLAIN_SECONDS
from services.gateway.context import Context
from services.gateway.domain.asked_message import message_id_in, nowhere_text
from services.gateway.pages.visit import Visit, page_route, query_text

MAX_ENTERED = 500
MOST_FOUND = 10


def why_routes(context: Context) -> list[web.RouteDef]:
    return [page_route(context, "GET", "/why", show_why)]


async def show_why(visit: Visit) -> web.Response:
    """The field, and the answers about what was entered: one per account for an id, the mail that has the words for a subject."""
    entered = query_text(visit.http_request.query, "message_id", MAX_ENTERED)
    message_id = message_id_in(entered)
    contact, answers, found = await asyncio.gather(
        _contact(visit), _explain(visit, message_id), _find(visit, "" if message_id else entered)
    )
    values = {
        "entered": entered,
        "contact": contact,
        "by_id": bool(message_id),
        "answers": answers,
        "found": found,
    }
    return await visit.page("why.html", values)


async def _contact(visit: Visit) -> Contact | None:
    """The person on whose page it was asked. Refused: `not_found`."""
    text = visit.http_request.query.get("contact_id", "")
    if not text:
        return None
    try:
        contact_id = ContactId(UUID(text))
    except ValueError as error:
        raise not_found("contact") from error
    return await visit.request(GetContact(user_id=visit.user_id, contact_id=contact_id))


async def _explain(visit: Visit, message_id: str | None) -> list[tuple[str, Why]]:
    """What every account answers, with its address; where one knows the message, only those that do."""
    if message_id is None:
        return []
    accounts = await visit.accounts()
    replies = await asyncio.gather(
        *(
            visit.request(
                ExplainMessage(user_id=visit.user_id, account_id=account.id, message_id=message_id),
                seconds=EXPLAIN_SECONDS,
            )
            for account in accounts
        )
    )
    addresses = {account.id: account.address for account in accounts}
    answers = [(addresses[why.account_id], why) for why in replies]
    return [answer for answer in answers if answer[1].state != "unknown"] or answers


async def _find(visit: Visit, words: str) -> list[tuple[FoundMail, str]]:
    """The newest mail with these words, on anybody's timeline; of what is on nobody's, why."""
    if not words:
        return []
    found = await visit.request(FindMail(user_id=visit.user_id, q=words, limit=MOST_FOUND), seconds=EXPLAIN_SECONDS)
    return [(mail, "" if mail.owners else nowhere_text(mail.automated)) for mail in found.items]
