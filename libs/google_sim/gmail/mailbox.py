"""One account's mail: messages, threads, and the history of what happened to them."""

import hashlib
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from libs.google_sim.account import Resource

FIRST_HISTORY_ID = 1_000_000
HISTORY_KEPT = 50_000

Change = Literal["messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"]


@dataclass(slots=True)
class Stored:
    """A message, and what every listing needs of it. `date_ms` is 0 where internalDate is no integer."""

    id: str
    thread_id: str
    date_ms: int
    labels: frozenset[str]
    resource: Resource

    @property
    def key(self) -> tuple[int, str]:
        return (self.date_ms, self.id)

    @property
    def stub(self) -> Resource:
        return {"id": self.id, "threadId": self.thread_id}


@dataclass(slots=True)
class Record:
    """One history record: the changes of one message at one moment."""

    id: int
    stored: Stored
    changes: tuple[tuple[Change, tuple[str, ...]], ...]


@dataclass
class Mailbox:
    """Message ids are unique in it; of loaded messages with one id the first is kept.

    A loaded message without a usable id is served under one made from its content. `oldest_history`: the smallest
    startHistoryId that still works. `on_change` is called with each new history record.
    """

    make_id: Callable[[], str]
    on_change: Callable[["Record"], None] | None = None
    history_id: int = FIRST_HISTORY_ID
    oldest_history: int = FIRST_HISTORY_ID
    history: list[Record] = field(default_factory=list)
    messages: dict[str, Stored] = field(default_factory=dict)
    threads: dict[str, dict[str, Stored]] = field(default_factory=dict)
    by_message_id: dict[str, set[str]] = field(default_factory=dict)
    newest_last: list[tuple[int, str]] = field(default_factory=list)

    def load(self, resources: list[Resource]) -> None:
        """Take over a file's messages as they are, without history."""
        for resource in resources:
            self.history_id = max(self.history_id, _number(resource.get("historyId")) or 0)
            own = resource.get("id")
            message_id = own if isinstance(own, str) and own else _content_id(resource)
            if message_id not in self.messages:
                self._put(_stored(message_id, resource))
        self.newest_last = sorted(stored.key for stored in self.messages.values())
        self.oldest_history = self.history_id

    def add(self, resource: Resource) -> Stored:
        """Add a new message. Its id, threadId and historyId are filled in where they are missing, the id where it is taken."""
        self.history_id += 1
        own = resource.get("id")
        message_id = own if isinstance(own, str) and own and own not in self.messages else self.new_id()
        thread_id = resource.get("threadId")
        resource = {
            **resource,
            "id": message_id,
            "threadId": thread_id if isinstance(thread_id, str) and thread_id else message_id,
            "historyId": str(self.history_id),
        }
        stored = _stored(message_id, resource)
        self._put(stored)
        insort(self.newest_last, stored.key)
        self._record(stored, (("messagesAdded", ()),))
        return stored

    def delete(self, message_id: str) -> None:
        """Remove for good. Raises KeyError where there is no such message."""
        stored = self.messages.pop(message_id)
        thread = self.threads[stored.thread_id]
        del thread[message_id]
        if not thread:
            del self.threads[stored.thread_id]
        for name in _message_ids(stored.resource):
            self.by_message_id.get(name, set()).discard(message_id)
        del self.newest_last[bisect_left(self.newest_last, stored.key)]
        self.history_id += 1
        self._record(stored, (("messagesDeleted", ()),))

    def relabel(self, message_id: str, add: list[str], remove: list[str]) -> Stored:
        """Change labels; nothing happens where nothing changes. Raises KeyError where there is no such message."""
        old = self.messages[message_id]
        added = tuple(label for label in dict.fromkeys(add) if label not in old.labels)
        removed = tuple(label for label in dict.fromkeys(remove) if label in old.labels and label not in add)
        if not added and not removed:
            return old
        self.history_id += 1
        listed = old.resource.get("labelIds")
        kept = [label for label in (listed if isinstance(listed, list) else []) if label not in removed]
        stored = _stored(message_id, {**old.resource, "labelIds": [*kept, *added], "historyId": str(self.history_id)})
        self.messages[message_id] = self.threads[stored.thread_id][message_id] = stored
        changes: list[tuple[Change, tuple[str, ...]]] = []
        if added:
            changes.append(("labelsAdded", added))
        if removed:
            changes.append(("labelsRemoved", removed))
        self._record(stored, tuple(changes))
        return stored

    def expire_history(self) -> None:
        """Make every history id given out so far too old."""
        self.history.clear()
        self.history_id += 1
        self.oldest_history = self.history_id

    def newest_first(self, below: tuple[int, str] | None, since_ms: int | None) -> Iterator[Stored]:
        """Yield messages by internalDate, descending: those older than the key `below`, not older than `since_ms`."""
        at = len(self.newest_last) if below is None else bisect_left(self.newest_last, below)
        for index in range(at - 1, -1, -1):
            date_ms, message_id = self.newest_last[index]
            if since_ms is not None and date_ms < since_ms:
                return
            yield self.messages[message_id]

    def records_after(self, history_id: int) -> list[Record]:
        return self.history[bisect_left(self.history, history_id + 1, key=lambda record: record.id) :]

    def thread(self, thread_id: str) -> list[Stored]:
        """Return the messages of a thread, oldest first; none where it does not exist."""
        return sorted(self.threads.get(thread_id, {}).values(), key=lambda stored: stored.key)

    def new_id(self) -> str:
        while (made := self.make_id()) in self.messages:
            continue
        return made

    def _put(self, stored: Stored) -> None:
        self.messages[stored.id] = stored
        self.threads.setdefault(stored.thread_id, {})[stored.id] = stored
        for name in _message_ids(stored.resource):
            self.by_message_id.setdefault(name, set()).add(stored.id)

    def _record(self, stored: Stored, changes: tuple[tuple[Change, tuple[str, ...]], ...]) -> None:
        record = Record(self.history_id, stored, changes)
        self.history.append(record)
        if self.on_change is not None:
            self.on_change(record)
        if len(self.history) >= 2 * HISTORY_KEPT:
            self.oldest_history = self.history[-HISTORY_KEPT - 1].id
            del self.history[:-HISTORY_KEPT]


def headers(resource: Resource) -> Iterator[tuple[str, str]]:
    """The well-formed headers of a message, names in lower case."""
    payload = resource.get("payload")
    listed = payload.get("headers") if isinstance(payload, dict) else None
    for header in listed if isinstance(listed, list) else ():
        if isinstance(header, dict) and isinstance(header.get("name"), str) and isinstance(header.get("value"), str):
            yield header["name"].lower(), header["value"]


def _message_ids(resource: Resource) -> Iterator[str]:
    return (value.strip().strip("<>") for name, value in headers(resource) if name == "message-id")


def _stored(message_id: str, resource: Resource) -> Stored:
    thread_id, listed = resource.get("threadId"), resource.get("labelIds")
    return Stored(
        id=message_id,
        thread_id=thread_id if isinstance(thread_id, str) and thread_id else message_id,
        date_ms=_number(resource.get("internalDate")) or 0,
        labels=frozenset(label for label in (listed if isinstance(listed, list) else ()) if isinstance(label, str)),
        resource=resource,
    )


def _number(value: Any) -> int | None:
    try:
        return int(value) if isinstance(value, (str, int)) else None
    except ValueError:
        return None


def _content_id(resource: Resource) -> str:
    return hashlib.blake2b(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()
