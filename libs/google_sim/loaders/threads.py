"""Threads as Gmail makes them: by references between messages whose subject is the same, replies and forwards apart."""

import re
from collections.abc import Callable

from libs.google_sim.account import Resource
from libs.google_sim.loaders.message import first_header

_PREFIX = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|vs|rif|fwd?|wg|vb)(?:\[\d+\])?\s*[:：]\s*|\[[^\]]{1,40}\]\s*)", re.IGNORECASE
)
_REPLY = re.compile(r"^\s*(?:\[[^\]]{1,40}\]\s*)?(?:re|aw|sv|antw|vs|rif)(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,998})>")


def assign_threads(messages: list[Resource]) -> None:
    """Set the `threadId` of messages that have none of their own yet to the id of their thread's earliest message.

    A reply without any reference joins the messages of the same subject.
    """
    parent = list(range(len(messages)))

    def find(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    owner: dict[tuple[str, str], int] = {}
    for number, message in enumerate(messages):
        if message["threadId"] != message["id"]:  # known from Takeout's X-GM-THRID
            continue
        for key in _keys(message):
            parent[find(number)] = find(owner.setdefault(key, number))
    open_messages = [number for number, message in enumerate(messages) if message["threadId"] == message["id"]]
    _join_bare_replies(messages, open_messages, parent, find)

    earliest: dict[int, tuple[int, int]] = {}
    for number in open_messages:
        root, candidate = find(number), (int(messages[number]["internalDate"]), number)
        earliest[root] = min(earliest.get(root, candidate), candidate)
    for number in open_messages:
        messages[number]["threadId"] = messages[earliest[find(number)][1]]["id"]


def base_subject(subject: str) -> str:
    """A subject without reply and forward marks and list tags, for comparison only."""
    shorter = _PREFIX.sub("", subject, count=1)
    while shorter != subject:
        subject, shorter = shorter, _PREFIX.sub("", shorter, count=1)
    return " ".join(subject.casefold().split())


def _keys(message: Resource) -> list[tuple[str, str]]:
    headers = message["payload"]["headers"]
    subject = base_subject(first_header(headers, "subject")[:998])
    written = " ".join(first_header(headers, name) for name in ("message-id", "in-reply-to", "references"))
    return [(identifier, subject) for identifier in _MESSAGE_ID.findall(written)]


def _join_bare_replies(
    messages: list[Resource], numbers: list[int], parent: list[int], find: Callable[[int], int]
) -> None:
    first_with: dict[str, int] = {}
    for number in numbers:
        headers = messages[number]["payload"]["headers"]
        subject = first_header(headers, "subject")[:998]
        base = base_subject(subject)
        if not base:
            continue
        root = first_with.setdefault(base, number)
        bare = not first_header(headers, "references") and not first_header(headers, "in-reply-to")
        if bare and _REPLY.match(subject):
            parent[find(number)] = find(root)
