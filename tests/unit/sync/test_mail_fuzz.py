"""20,000 mutated messages through the reader, some with repeated, unclosed and nested forms.

Each is recorded, filtered or set aside, and what is recorded is fit to store.
"""

from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime
from itertools import chain
from random import Random
from typing import Any

from libs.common.addresses import canonical
from libs.common.ids import AccountId, UserId, new_id
from libs.common.resources.gmail import read_message
from libs.google_sim.sample import sample
from services.sync.domain.mail import Filtered, Me, Recorded, SetAside, read
from services.sync.domain.text import MAX_LENGTH
from tests.support.hostile_texts import FORMS

MESSAGES = 20_000
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
ME = Me(UserId(new_id()), AccountId(new_id()), frozenset({"mayalindqvist@gmail.com"}))
PIECES = (
    "\x00", "\r\n", "=?utf-8?b?", "=?", "?=", "=?x-none?q?=ff?=", '"', "\\", "<", ">", "<<<", "(", ")", "((((", ",", ";", ":", "@", "@@",
    "a@b.c", "<a@b.c>", " via ", "\ud800", "\u202e", "𝔘", "é", "\xff", "xn--", ".", "..", "+tag", "undisclosed-recipients:;",
    " " * 500, "," * 500,
    "x" * 5_000, "=?utf-8?q?" + "=00" * 50 + "?=", "On Mon wrote:\n>", "&#0;", "&amp;lt;", "&#x110000;", "\u200b" * 50, "On ", "-- \n",
)  # fmt: skip
LONGEST_FORM = 4_000  # characters
EVERY_FORM = tuple(chain.from_iterable(FORMS.values()))
ODD: tuple[Any, ...] = (
    None,
    "",
    "x",
    0,
    -1,
    10**40,
    1.5,
    True,
    [],
    {},
    [[]],
    [None, 1, {"name": 1}],
    {"headers": 1},
    "9" * 40,
)
NAMES = ("From", "Date", "Sender", "To", "Cc", "Bcc", "Subject", "Message-ID", "Return-Path", "List-Id", "Precedence", "Delivered-To",
         "Auto-Submitted", "Authentication-Results", "X-Original-From", "Content-Type", "X-PingCRM-Prep")  # fmt: skip


def spoiled(text: str, chance: Random) -> str:
    """The text with some of it cut, doubled or replaced by what parsers stumble over."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(text))
        match chance.randint(0, 4):
            case 0:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 1:
                text = text[:at]
            case 2:
                text = text[at:] + text[:at]
            case 3:
                text = text[:at] + form(chance) + text[at:]
            case _:
                text = text[:at] + chance.choice(PIECES) * chance.randint(1, 20) + text[at + 5 :]
    return text[:60_000]


def form(chance: Random) -> str:
    """A form that readers stumble over, short more often than long."""
    return chance.choice(EVERY_FORM).make(int(LONGEST_FORM ** chance.uniform(0.2, 1)))


def mutated(resource: dict[str, Any], chance: Random) -> dict[str, Any]:
    """A message with spoiled header values, or with values of the wrong kind somewhere in its structure."""
    message = deepcopy(resource)
    headers = message["payload"]["headers"]
    for _ in range(chance.randint(1, 5)):
        match chance.randint(0, 5):
            case 0 | 1 | 2 if headers:
                header = chance.choice(headers)
                header["value"] = spoiled(str(header["value"]), chance)
            case 3:
                headers.insert(
                    chance.randint(0, len(headers)), {"name": chance.choice(NAMES), "value": spoiled("a@b.c", chance)}
                )
            case 4 if headers:
                headers[chance.randrange(len(headers))] = {
                    "name": chance.choice([*NAMES, 5]),
                    "value": chance.choice(ODD),
                }
            case _:
                message[chance.choice(list(message))] = chance.choice(ODD)
                if not isinstance(message.get("payload"), dict) or not isinstance(
                    message["payload"].get("headers"), list
                ):
                    break
    message["snippet"] = spoiled(message["snippet"], chance) if isinstance(message.get("snippet"), str) else None
    return message


def test_every_mutated_message_is_recorded_filtered_or_set_aside() -> None:
    chance = Random(20260301)
    seeds = [message for account in sample(NOW) for message in account.messages]
    outcomes: Counter[str] = Counter()
    for _ in range(MESSAGES):
        outcome = read(read_message(mutated(chance.choice(seeds), chance)), ME, None, 1)
        outcomes[type(outcome).__name__] += 1
        match outcome:
            case Recorded(event):
                stored = event.model_dump_json()  # raises where a text is not Unicode
                assert "\\u0000" not in stored
                assert len(event.snippet) <= MAX_LENGTH
                assert [person.address for person in event.people if not canonical(person.address)] == []
            case Filtered(rule):
                assert rule
            case SetAside(reason):
                assert reason
    # The mutations reach every way out.
    assert min(outcomes[kind.__name__] for kind in (Recorded, Filtered, SetAside)) > 100
