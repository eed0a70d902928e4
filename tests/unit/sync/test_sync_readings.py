"""Messages, changes and channels of Gmail as they are read, each as a whole; and what is of another type than Google says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from libs.common.resources.calendar import Channel, read_channel
from libs.common.resources.gmail import (
    Change,
    GmailMessage,
    MessageRef,
    Watch,
    read_changes,
    read_message,
    read_ref,
    read_watch,
)
from libs.common.resources.reading import flag, integer, mapping, mappings, storable, text, texts

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
SENT_MS = int(NOW.timestamp() * 1000)
RESOURCE: dict[str, Any] = {
    "id": "m1", "threadId": "t1", "historyId": "9", "labelIds": ["INBOX", 5, "UNREAD"], "internalDate": str(SENT_MS),
    "snippet": "Hi &amp; bye",
    "payload": {"mimeType": "Text/Plain", "headers": [
        {"name": " From ", "value": "Ann <a@x.example>"}, {"name": "FROM", "value": "b\x00@x.example"}, {"name": 5, "value": "x"},
        {"name": "To", "value": 5}, "odd", {"name": "Message-ID", "value": "<id@x>"},
    ]},
}  # fmt: skip


def test_a_message_is_read_whole() -> None:
    assert read_message(RESOURCE) == GmailMessage(
        "m1", "t1", 9, frozenset({"INBOX", "UNREAD"}), SENT_MS, "text/plain",
        {"from": ("Ann <a@x.example>", "b@x.example"), "message-id": ("<id@x>",)}, "Hi &amp; bye",
    )  # fmt: skip
    assert read_message({}) == GmailMessage(None, "", None, frozenset(), None, "", None, "")
    assert read_message({"id": "", "payload": {}}) == GmailMessage(None, "", None, frozenset(), None, "", {}, "")
    assert read_message({"id": "m1"}).thread_id == "m1"
    assert read_message({"id": 5, "threadId": "t"}) == GmailMessage(None, "t", None, frozenset(), None, "", None, "")


def test_the_end_of_a_watch_is_in_milliseconds() -> None:
    assert read_watch({"historyId": "7", "expiration": str(SENT_MS)}) == Watch(7, NOW)
    epoch = datetime.fromtimestamp(0, UTC)
    assert read_watch({}) == Watch(0, epoch)
    assert read_watch({"expiration": 10**30}) == Watch(0, epoch)


def test_a_channel_is_read_with_its_end() -> None:
    assert read_channel({"resourceId": "r", "expiration": "1772625600000"}) == Channel("r", NOW)
    assert read_channel({}) == Channel("", datetime(1970, 1, 1, tzinfo=UTC))


def test_a_history_record_names_its_changes() -> None:
    def item(gmail_id: str, **more: Any) -> dict[str, Any]:
        return {
            "message": {"id": gmail_id, "threadId": f"t{gmail_id}", "labelIds": ["OWN"]},
            "labelIds": ["OTHER"],
            **more,
        }

    record = {
        "id": "12", "messagesAdded": [item("a")], "messagesDeleted": [item("d")], "labelsAdded": [item("l")],
        "labelsRemoved": [item("u"), {"message": {"threadId": "t"}}, {}],
    }  # fmt: skip
    assert read_changes(record) == [
        Change(12, "added", "a", "ta", frozenset({"OWN"})),
        Change(12, "deleted", "d", "td", frozenset({"OTHER"})),
        Change(12, "labelled", "l", "tl", frozenset({"OTHER"})),
        Change(12, "unlabelled", "u", "tu", frozenset({"OTHER"})),
    ]
    assert read_changes({"messagesAdded": [item("a")]})[0].history_id == 0
    assert read_ref({"id": "m"}) == MessageRef("m", "m")
    assert read_ref({"id": "m", "threadId": "t"}) == MessageRef("m", "t")


@pytest.mark.parametrize(
    ("value", "number"),
    [("12", 12), (12, 12), (-3, -3), ("x", None), (True, None), (None, None), (1.5, None), ("", None), ([], None)],
)
def test_numbers_may_be_written_as_text(value: object, number: int | None) -> None:
    assert integer(value) == number


def test_what_is_of_another_type_reads_as_empty() -> None:
    assert mapping({"a": 1}) == {"a": 1}
    assert mapping([1]) == {}
    assert list(mappings([{"a": 1}, 5, {"b": 2}])) == [{"a": 1}, {"b": 2}]
    assert list(mappings({"a": 1})) == []
    assert list(texts(["a", 5, "b\x00"])) == ["a", "b"]
    assert list(texts("ab")) == []
    assert (text(5), text("a\x00b"), text("é\x00\ud800")) == ("", "ab", "é?")
    assert (storable("a\x00b"), storable("é\x00\ud800")) == ("ab", "é?")
    assert [flag(value) for value in (True, False, 1, "true", None)] == [True, False, False, False, False]
