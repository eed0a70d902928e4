"""The methods of Gmail v1."""

import base64
import binascii
import math
from collections.abc import Iterable

from libs.google_sim.account import Resource
from libs.google_sim.api.routing import Call, Handler, Method, ResponseBody
from libs.google_sim.api.sending import send
from libs.google_sim.errors import GoogleError, invalid, not_found
from libs.google_sim.gmail.formats import formatter
from libs.google_sim.gmail.mailbox import Mailbox, Record, Stored
from libs.google_sim.gmail.search import Search, parse
from libs.google_sim.pubsub.topics import TOPIC

_AUTH = "https://www.googleapis.com/auth/"
_ALL = "https://mail.google.com/"
_READ = frozenset({_ALL, f"{_AUTH}gmail.readonly", f"{_AUTH}gmail.modify"})
_META = _READ | {f"{_AUTH}gmail.metadata"}
_SEND = frozenset({_ALL, f"{_AUTH}gmail.send", f"{_AUTH}gmail.modify", f"{_AUTH}gmail.compose"})
_SETTINGS = _READ | {f"{_AUTH}gmail.settings.basic"}

SYSTEM_LABELS = (
    "CHAT", "SENT", "INBOX", "IMPORTANT", "TRASH", "DRAFT", "SPAM", "CATEGORY_FORUMS", "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL", "CATEGORY_PROMOTIONS", "CATEGORY_SOCIAL", "STARRED", "UNREAD",
)  # fmt: skip
_HIDDEN = frozenset({"SPAM", "TRASH"})
_HISTORY_TYPES = {
    "messageAdded": "messagesAdded",
    "messageDeleted": "messagesDeleted",
    "labelAdded": "labelsAdded",
    "labelRemoved": "labelsRemoved",
}
_WATCH_SECONDS = 7 * 24 * 3600
_MANY = 201  # what Gmail estimates for more than one page


def get_profile(call: Call) -> ResponseBody:
    mailbox = call.account.mailbox
    return {
        "emailAddress": call.account.address,
        "messagesTotal": len(mailbox.messages),
        "threadsTotal": len(mailbox.threads),
        "historyId": str(mailbox.history_id),
    }


def list_messages(call: Call) -> ResponseBody:
    """List messages, the newest first. The page token is the place after the last message shown, so new mail moves nothing."""
    query = call.query
    maximum = query.integer("maxResults", 100, 500)
    below = _place(query.text("pageToken"))
    search = parse(query.text("q") or "")
    labels = frozenset(label for label in query.texts("labelIds") if label)
    wanted = labels | search.labels
    indexed_ms = (call.world.now() - call.world.options.search_delay_seconds) * 1000 if query.text("q") else math.inf
    hidden = frozenset() if query.flag("includeSpamTrash") or search.anywhere else _HIDDEN - wanted
    found: list[Stored] = []
    for stored in _candidates(call.account.mailbox, search, below):
        if stored.date_ms > indexed_ms:
            continue
        if wanted <= stored.labels and hidden.isdisjoint(stored.labels) and search.matches(stored):
            if len(found) == maximum:
                return {
                    "messages": [stored.stub for stored in found],
                    "nextPageToken": _token(found[-1].key),
                    "resultSizeEstimate": _MANY,
                }
            found.append(stored)
    if not found:
        return {"resultSizeEstimate": 0}
    return {"messages": [stored.stub for stored in found], "resultSizeEstimate": len(found)}


def _candidates(mailbox: Mailbox, search: Search, below: tuple[int, str] | None) -> Iterable[Stored]:
    if search.message_id is None:
        return mailbox.newest_first(below, search.since_ms)
    found = (mailbox.messages[message_id] for message_id in mailbox.by_message_id.get(search.message_id, ()))
    listed = [
        stored
        for stored in found
        if (below is None or stored.key < below) and (search.since_ms is None or stored.date_ms >= search.since_ms)
    ]
    return sorted(listed, key=lambda stored: stored.key, reverse=True)


def get_message(call: Call) -> ResponseBody:
    shown = formatter(call.query, ("full", "metadata", "minimal", "raw"))
    stored = call.account.mailbox.messages.get(call.path["id"])
    if stored is None:
        raise not_found()
    return shown(stored)


def get_thread(call: Call) -> ResponseBody:
    shown = formatter(call.query, ("full", "metadata", "minimal"))
    messages = call.account.mailbox.thread(call.path["id"])
    if not messages:
        raise not_found()
    newest = max((_history_number(stored.resource.get("historyId")) for stored in messages), default=0)
    return {"id": call.path["id"], "historyId": str(newest), "messages": [shown(stored) for stored in messages]}


def list_history(call: Call) -> ResponseBody:
    """List the records after startHistoryId, oldest first. It is 404 where that is too old, or was never given out."""
    query, mailbox = call.query, call.account.mailbox
    start = query.text("startHistoryId")
    if start is None or not start.isdigit():
        raise invalid("Invalid startHistoryId" if start else "Missing startHistoryId", "startHistoryId")
    if not mailbox.oldest_history <= int(start) <= mailbox.history_id:
        raise not_found()
    kinds = set()
    for name in query.texts("historyTypes"):
        if name not in _HISTORY_TYPES:
            raise invalid(f"Invalid value at 'history_types' (TYPE_ENUM), \"{name[:50]}\"", "historyTypes")
        kinds.add(_HISTORY_TYPES[name])
    maximum = query.integer("maxResults", 100, 500)
    label = query.text("labelId")
    page = query.text("pageToken")
    after = max(int(start), _history_number(_plain(page))) if page else int(start)
    shown: list[Resource] = []
    response: Resource = {"historyId": str(mailbox.history_id)}
    for record in mailbox.records_after(after):
        item = _history_item(record, kinds) if label is None or label in record.stored.labels else None
        if item is None:
            continue
        if len(shown) == maximum:
            response["nextPageToken"] = _opaque(shown[-1]["id"])
            break
        shown.append(item)
    return {"history": shown, **response} if shown else response


def _history_item(record: Record, kinds: set[str]) -> Resource | None:
    stub = record.stored.stub
    item: Resource = {"id": str(record.id), "messages": [stub]}
    labelled = {**stub, "labelIds": sorted(record.stored.labels)}
    for change, labels in record.changes:
        if not kinds or change in kinds:
            item[change] = [{"message": labelled, "labelIds": list(labels)} if labels else {"message": labelled}]
    return item if len(item) > 2 else None


def list_labels(call: Call) -> ResponseBody:
    used = {label for stored in call.account.mailbox.messages.values() for label in stored.labels}
    return {
        "labels": [
            *({"id": name, "name": name, "type": "system"} for name in SYSTEM_LABELS),
            *({"id": name, "name": name, "type": "user"} for name in sorted(used.difference(SYSTEM_LABELS))),
        ]
    }


def list_send_as(call: Call) -> ResponseBody:
    account = call.account
    mine = {
        "sendAsEmail": account.address,
        "displayName": account.name,
        "isPrimary": True,
        "isDefault": True,
    }
    aliases = (
        {
            "sendAsEmail": alias,
            "displayName": account.name,
            "isDefault": False,
            "treatAsAlias": True,
            "verificationStatus": "accepted",
        }
        for alias in account.aliases
    )
    return {"sendAs": [mine, *aliases]}


def send_message(call: Call) -> ResponseBody:
    raw, thread_id = call.json.get("raw"), call.json.get("threadId")
    if not isinstance(raw, str) or not raw:
        raise invalid("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    stored = send(call.world, call.account, raw, thread_id if isinstance(thread_id, str) and thread_id else None)
    return {**stored.stub, "labelIds": sorted(stored.labels)}


def watch(call: Call) -> ResponseBody:
    """Begin seven days of notifications, the first at once. It is 400 while another topic has them, 403 where Gmail can't publish."""
    topic, account, now_ms = call.json.get("topicName"), call.account, int(call.world.now() * 1000)
    if not isinstance(topic, str) or not TOPIC.fullmatch(topic):
        raise invalid("Invalid topicName does not match projects/google.com:*", "topicName")
    if topic in call.world.pubsub.closed_topics:
        problem = f"Error sending test message to Cloud PubSub {topic} : User not authorized to perform this action."
        raise GoogleError(403, "forbidden", problem)
    held = account.watch
    if held is not None and held["topicName"] != topic and int(held["expiration"]) > now_ms:
        raise invalid("Only one user push notification client allowed per developer (call /stop then try again)")
    expires = str(now_ms + _WATCH_SECONDS * 1000)
    account.watch = {"topicName": topic, "labelIds": call.json.get("labelIds") or [], "expiration": expires}
    call.world.notifier.notify(account)
    return {"historyId": str(account.mailbox.history_id), "expiration": expires}


def stop(call: Call) -> ResponseBody:
    call.account.watch = None
    return None


def _history_number(value: object) -> int:
    return int(value) if isinstance(value, str) and value.isdigit() else 0


def _opaque(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("Invalid pageToken", "pageToken") from error


def _token(key: tuple[int, str]) -> str:
    return _opaque(f"{key[0]}:{key[1]}")


def _place(token: str | None) -> tuple[int, str] | None:
    if token is None:
        return None
    date_ms, _, message_id = _plain(token).partition(":")
    try:
        return int(date_ms), message_id
    except ValueError as error:
        raise invalid("Invalid pageToken", "pageToken") from error


def _method(name: str, verb: str, path: str, scopes: frozenset[str], units: int, handler: Handler) -> Method:
    return Method(f"gmail.users.{name}", verb, f"gmail/v1/users/{{userId}}/{path}", scopes, units, handler)


METHODS = [
    _method("getProfile", "GET", "profile", _META, 1, get_profile),
    _method("messages.list", "GET", "messages", _READ, 5, list_messages),
    _method("messages.get", "GET", "messages/{id}", _READ, 20, get_message),
    _method("messages.send", "POST", "messages/send", _SEND, 100, send_message),
    _method("threads.get", "GET", "threads/{id}", _READ, 40, get_thread),
    _method("history.list", "GET", "history", _META, 2, list_history),
    _method("labels.list", "GET", "labels", _META, 1, list_labels),
    _method("settings.sendAs.list", "GET", "settings/sendAs", _SETTINGS, 1, list_send_as),
    _method("watch", "POST", "watch", _META, 100, watch),
    _method("stop", "POST", "stop", _META, 50, stop),
]
