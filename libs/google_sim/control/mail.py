"""The control API's part for mail."""

import asyncio
from dataclasses import asdict

from aiohttp import web

from libs.google_sim.account import Resource
from libs.google_sim.control.requests import WORLD, account_in_path, json_response, read_object
from libs.google_sim.gmail.delivery import deliver, message_from
from libs.google_sim.hosted_account import Account

SCHEDULED = web.AppKey("scheduled", set[asyncio.TimerHandle])
ROUTES = web.RouteTableDef()
_LABEL_CHANGES: dict[str, tuple[list[str], list[str]]] = {
    "trash": (["TRASH"], ["INBOX"]),
    "untrash": ([], ["TRASH"]),
    "spam": (["SPAM"], ["INBOX"]),
    "unspam": (["INBOX"], ["SPAM"]),
}


async def cancel_scheduled(app: web.Application) -> None:
    """Cancel the deliveries that were to come later, because this Google ends."""
    for timer in app[SCHEDULED]:
        timer.cancel()


@ROUTES.post("/accounts/{address}/messages")
async def deliver_messages(request: web.Request) -> web.Response:
    """`{"raw": RFC 822 text}` or a Gmail resource, or `{"messages": [...]}` of them; labelIds, internalDate optional.

    With `"every_seconds": n` beside `messages` they come one after the other, the first at once; the response has
    `messages` (how many) and `seconds` (until the last).
    """
    account, body = account_in_path(request), await read_object(request)
    given, pause = body.get("messages", [body]), body.get("every_seconds", 0)
    if not isinstance(given, list) or not all(isinstance(value, dict) for value in given):
        raise ValueError("Give one message, or {'messages': [...]}.")
    if not isinstance(pause, int | float) or pause < 0:
        raise ValueError("every_seconds is a number of seconds, 0 or more.")
    messages = [message_from(value) for value in given]
    if pause:
        loop, scheduled = asyncio.get_running_loop(), request.app[SCHEDULED]
        scheduled |= {
            loop.call_later(number * pause, _deliver, request.app, account, message)
            for number, message in enumerate(messages)
        }
        return json_response({"messages": len(messages), "seconds": max(len(messages) - 1, 0) * pause})
    stored = [_deliver(request.app, account, message) for message in messages]
    return json_response({"messages": stored} if "messages" in body else stored[0])


def _deliver(app: web.Application, account: Account, message: Resource) -> Resource:
    return deliver(account.mailbox, message, str(int(app[WORLD].now() * 1000))).stub


@ROUTES.post("/accounts/{address}/messages/{id}/{action}")
async def change_message(request: web.Request) -> web.Response:
    """action: trash, untrash, spam, unspam, delete, or label with `{"add": [...], "remove": [...]}`."""
    mailbox = account_in_path(request).mailbox
    message_id, action = request.match_info["id"], request.match_info["action"]
    if message_id not in mailbox.messages:
        raise KeyError(f"message {message_id}")
    if action == "delete":
        mailbox.delete(message_id)
        return json_response({"historyId": str(mailbox.history_id)})
    if action == "label":
        body = await read_object(request)
        add, remove = body.get("add", []), body.get("remove", [])
    elif action in _LABEL_CHANGES:
        add, remove = _LABEL_CHANGES[action]
    else:
        raise KeyError(f"action {action}")
    stored = mailbox.relabel(message_id, add, remove)
    return json_response({**stored.stub, "labelIds": sorted(stored.labels), "historyId": str(mailbox.history_id)})


@ROUTES.get("/sent")
async def list_sent(request: web.Request) -> web.Response:
    return json_response({"sent": [asdict(mail) for mail in request.app[WORLD].outbox.mails]})


@ROUTES.delete("/sent")
async def clear_sent(request: web.Request) -> web.Response:
    request.app[WORLD].outbox.mails.clear()
    return json_response({})
