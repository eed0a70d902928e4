"""The tool about mail that somebody misses."""

import asyncio

from pydantic import Field

from libs.common.errors import Refused
from services.gateway.api.accounts import AccountsQuery, explain_message, list_accounts
from services.gateway.api.endpoint import Call
from services.gateway.assistants.tool import Arguments, tool
from services.gateway.domain.asked_message import message_id_in
from services.gateway.domain.assistant_results import MOST_ACCOUNTS, MailExplained, mail_explained


class WhyIsMailMissing(Arguments):
    message_id: str = Field(
        max_length=998,
        description="The Message-ID of the mail's header, such as <abc@mail.example>, or Gmail's own id of 16 hex digits.",
    )


@tool(over=explain_message)
async def why_is_mail_missing(call: Call, arguments: WhyIsMailMissing) -> MailExplained:
    """Explain why a mail is not on a timeline, or where it is.

    Use it when the user misses a mail here that is in Gmail. It needs the mail's id, which Gmail shows under "Show original"; ask the user
    for it. Every connected account answers: recorded (with whose timelines show it), left out by which rule, not reached yet, or unknown.
    Mail that is here is found with `read_timeline`.
    """
    message_id = message_id_in(arguments.message_id)
    if message_id is None:
        raise Refused(
            422, "invalid", "This is no id of a mail. In Gmail it stands under “Show original”, beside Message ID."
        )
    accounts = await list_accounts.handler(call, query=AccountsQuery())
    connected = [account for account in accounts.items if account.status != "disconnected"][:MOST_ACCOUNTS]
    replies = await asyncio.gather(
        *(explain_message.handler(call, account_id=account.id, message_id=message_id) for account in connected)
    )
    return mail_explained([(account.address, why) for account, why in zip(connected, replies, strict=True)])


TOOLS = (why_is_mail_missing,)
