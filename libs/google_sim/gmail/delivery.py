"""The arrival of a message in a mailbox."""

from libs.google_sim.account import Resource
from libs.google_sim.gmail import mime
from libs.google_sim.gmail.mailbox import Mailbox, Stored, headers
from libs.google_sim.loaders.snippets import snippet_of


def deliver(mailbox: Mailbox, message: Resource, now_ms: str) -> Stored:
    """Add a message that arrives. Ids, labels (INBOX, UNREAD), time and thread are filled in where they are missing."""
    filled = {"labelIds": ["INBOX", "UNREAD", "CATEGORY_PERSONAL"], "internalDate": now_ms, "snippet": "", **message}
    if not filled.get("threadId"):
        filled["threadId"] = thread_of(mailbox, list(headers(filled)))
    return mailbox.add(filled)


def thread_of(mailbox: Mailbox, shown: list[mime.Header]) -> str | None:
    """Return the thread of the newest message that References or In-Reply-To name; None where none is here."""
    named = " ".join(value for name, value in shown if name.lower() in ("references", "in-reply-to"))
    for message_id in reversed(named.split()):
        for known in mailbox.by_message_id.get(message_id.strip("<>"), ()):
            return mailbox.messages[known].thread_id
    return None


def message_from(value: Resource) -> Resource:
    """Return a message given to the control API: `{"raw": RFC 822 text}` or a resource. Raises ValueError."""
    text = value.get("raw")
    if isinstance(text, str) and "payload" not in value:
        others = {name: given for name, given in value.items() if name != "raw"}
        return {**mime.resource(text.encode()), **others}
    if not isinstance(value.get("payload"), dict):
        raise ValueError("Give a Gmail message resource with a payload, or {'raw': RFC 822 text}.")
    return value if "snippet" in value else {**value, "snippet": snippet_of(value["payload"])}
