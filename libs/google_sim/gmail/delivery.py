"""Mail on its way: `messages.send`, and arrival in the mailboxes of the accounts that live here."""

import base64
from email.utils import format_datetime, getaddresses
from typing import TYPE_CHECKING

from libs.google_sim.account import Resource
from libs.google_sim.errors import invalid, not_found
from libs.google_sim.gmail import mime
from libs.google_sim.gmail.mailbox import Mailbox, Stored, headers
from libs.google_sim.gmail.outbox import SentMail
from libs.google_sim.loaders.snippets import snippet_of

if TYPE_CHECKING:
    from libs.google_sim.world import Account, World


def send(world: "World", account: "Account", raw: str, thread_id: str | None) -> Stored:
    """Put a message on its way. `raw`: base64url. Returns the sender's copy. Raises GoogleError 400 or 404."""
    try:
        content = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    except ValueError as error:
        raise invalid("Invalid value at 'message.raw' (TYPE_BYTES), Base64 decoding failed", "raw") from error
    message = mime.resource(content)
    given = [(header["name"], header["value"]) for header in message["payload"]["headers"]]
    recipients = _recipients(given)
    if not recipients:
        raise invalid("Recipient address required")
    if thread_id is not None and thread_id not in account.mailbox.threads:
        raise not_found()
    shown = _as_sent(world, account, given)
    now_ms = str(int(world.now() * 1000))
    to_myself = [address for address in recipients if world.local(address) is account]
    sent = account.mailbox.add(
        {
            **mime.with_headers(message, shown),
            "threadId": thread_id or thread_of(account.mailbox, shown),
            "labelIds": ["SENT", *(["INBOX", "UNREAD"] if to_myself else [])],
            "internalDate": now_ms,
        }
    )
    without_bcc = [(name, value) for name, value in shown if name.lower() != "bcc"]
    reached = {account.address}
    for address in recipients:
        other = world.local(address)
        if other is not None and other.address not in reached:
            reached.add(other.address)
            deliver(other, mime.with_headers(message, [("Delivered-To", address), *without_bcc]), now_ms)
    world.outbox.mails.append(
        SentMail(
            account=account.address,
            id=sent.id,
            thread_id=sent.thread_id,
            at=world.now(),
            headers=[(name, mime.decoded(value)) for name, value in shown],
            recipients=recipients,
            text=mime.text_part(content, "text/plain"),
            html=mime.text_part(content, "text/html"),
        )
    )
    return sent


def deliver(account: "Account", message: Resource, now_ms: str) -> Stored:
    """A message arrives. Ids, labels (INBOX, UNREAD), time and thread are filled in where they are missing."""
    filled = {"labelIds": ["INBOX", "UNREAD", "CATEGORY_PERSONAL"], "internalDate": now_ms, "snippet": "", **message}
    if not filled.get("threadId"):
        filled["threadId"] = thread_of(account.mailbox, list(headers(filled)))
    return account.mailbox.add(filled)


def thread_of(mailbox: Mailbox, shown: list[mime.Header]) -> str | None:
    """The thread of the newest message that References or In-Reply-To name; None where none is here."""
    named = " ".join(value for name, value in shown if name.lower() in ("references", "in-reply-to"))
    for message_id in reversed(named.split()):
        for known in mailbox.by_message_id.get(message_id.strip("<>"), ()):
            return mailbox.messages[known].thread_id
    return None


def _recipients(given: list[mime.Header]) -> list[str]:
    values = [value for name, value in given if name.lower() in ("to", "cc", "bcc")]
    try:
        found = [address for _, address in getaddresses(values) if "@" in address]
    except RecursionError as error:
        raise invalid("Invalid To header") from error
    return list(dict.fromkeys(found))


def _as_sent(world: "World", account: "Account", given: list[mime.Header]) -> list[mime.Header]:
    """The headers that Gmail stores: From must be mine, Date is there, the Message-ID is Gmail's own."""
    shown = [(name, value) for name, value in given if name.lower() not in ("message-id", "from")]
    original = next((value for name, value in given if name.lower() == "message-id"), None)
    author = next((value for name, value in given if name.lower() == "from"), "")
    named = getaddresses([author])[0][1] if author else ""
    if world.local(named) is not account:
        author = f"{account.name} <{account.address}>"
    if all(name.lower() != "date" for name, _ in shown):
        shown.append(("Date", format_datetime(world.utc_now())))
    if original is not None and world.options.keep_message_id:
        return [("From", author), *shown, ("Message-ID", original)]
    if original is not None:
        shown.append(("X-Google-Original-Message-ID", original))
    token = base64.urlsafe_b64encode(world.random.randbytes(24)).decode().rstrip("=")
    return [("From", author), *shown, ("Message-ID", f"<CA{token}@mail.gmail.com>")]


def message_from(value: Resource) -> Resource:
    """A message given to the control API: `{"raw": RFC 822 text}` or a resource. Raises ValueError."""
    text = value.get("raw")
    if isinstance(text, str) and "payload" not in value:
        others = {name: given for name, given in value.items() if name != "raw"}
        return {**mime.resource(text.encode()), **others}
    if not isinstance(value.get("payload"), dict):
        raise ValueError("Give a Gmail message resource with a payload, or {'raw': RFC 822 text}.")
    return value if "snippet" in value else {**value, "snippet": snippet_of(value["payload"])}
