"""Which mail may be a brief, whatever its headers claim."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import GmailMessage, read_message
from services.prep.sending import new_token
from services.sync.domain.mail import Filtered, Me, Recorded, brief_token, read

ADDRESS = "maya@example.com"
ME = Me(UserId(uuid4()), AccountId(uuid4()), frozenset({ADDRESS}))
TOKEN = "pcrm" + "a2" * 10


def mail(*tokens: str, author: str = ADDRESS, labels: tuple[str, ...] = ("SENT", "INBOX")) -> GmailMessage:
    headers = [("From", author), ("To", ADDRESS), *(("X-PingCRM-Prep", token) for token in tokens)]
    resource: dict[str, Any] = {
        "id": "a1", "threadId": "t1", "labelIds": list(labels), "internalDate": str(int(datetime.now(UTC).timestamp() * 1000)),
        "payload": {"mimeType": "text/plain", "headers": [{"name": name, "value": value} for name, value in headers]},
    }  # fmt: skip
    return read_message(resource)


def test_a_brief_is_from_me_in_sent_and_carries_a_token_that_prep_knows() -> None:
    brief = mail(f" {TOKEN} ")
    assert brief_token(brief, ME) == TOKEN
    filtered = read(brief, ME, None, 1, {TOKEN})
    assert isinstance(filtered, Filtered)
    assert filtered.rule == "prep_email"


def test_the_tokens_that_prep_makes_are_recognized() -> None:
    tokens = [new_token() for _ in range(200)]
    assert [brief_token(mail(token), ME) for token in tokens] == tokens


@pytest.mark.parametrize(
    "arrived",
    [
        mail(TOKEN, labels=("INBOX",)),
        mail(TOKEN, author="mallory@evil.example", labels=("INBOX",)),
        mail(TOKEN, author="mallory@evil.example"),
        mail("sample"),
        mail(TOKEN.upper()),
        mail(f"{TOKEN}x"),
        mail(""),
        mail("x" * 500_000),
        mail(),
    ],
    ids=[
        "from me, not in SENT", "from a stranger", "a stranger's in SENT", "no token", "not as it was given out", "too long",
        "empty", "huge", "no header",
    ],
)  # fmt: skip
def test_the_header_alone_hides_nothing(arrived: GmailMessage) -> None:
    assert brief_token(arrived, ME) is None
    assert isinstance(read(arrived, ME, None, 1, {TOKEN}), Recorded)


def test_a_token_that_prep_does_not_know_hides_nothing() -> None:
    assert isinstance(read(mail(TOKEN), ME, None, 1, {new_token()}), Recorded)
    assert isinstance(read(mail(TOKEN), ME, None, 1), Recorded)
