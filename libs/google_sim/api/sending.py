"""`messages.send`: a message into the sender's mailbox and those of the recipients that live here."""

import base64
from email.utils import format_datetime, getaddresses

from libs.google_sim.errors import invalid, not_found
from libs.google_sim.gmail import mime
from libs.google_sim.gmail.delivery import deliver, thread_of
from libs.google_sim.gmail.mailbox import Stored
from libs.google_sim.gmail.outbox import SentMail
from libs.google_sim.hosted_account import Account
from libs.google_sim.world import World


def send(world: World, account: Account, raw: str, thread_id: str | None) -> Stored:
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
            deliver(other.mailbox, mime.with_headers(message, [("Delivered-To", address), *without_bcc]), now_ms)
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


def _recipients(given: list[mime.Header]) -> list[str]:
    values = [value for name, value in given if name.lower() in ("to", "cc", "bcc")]
    try:
        found = [address for _, address in getaddresses(values) if "@" in address]
    except RecursionError as error:
        raise invalid("Invalid To header") from error
    return list(dict.fromkeys(found))


def _as_sent(world: World, account: Account, given: list[mime.Header]) -> list[mime.Header]:
    """Return the headers that Gmail stores: From must be mine, Date is there, the Message-ID is Gmail's own."""
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
