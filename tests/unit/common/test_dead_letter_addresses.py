"""The address of a dead letter: whose it is, in a form that a filter finds, and the old form that named nobody."""

from time import process_time
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.dead_letters import (
    MAX_REASON_CHARACTERS,
    Letter,
    compressed,
    is_addressed,
    original_subject,
    payload_of,
    purge_filter,
    read_about,
)
from libs.common.events import EVENTS, TICKS
from libs.common.ids import SERVICES, AccountId, Service, UserId

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
SUBJECTS = [event.subject for event in (*EVENTS, *TICKS)]


def letter(subject: str, about: dict[str, UUID]) -> Letter:
    return Letter(subject, b"{}", "reason", "consumer", about=about)


def matches(subject: str, pattern: str) -> bool:
    """As NATS does it: `*` is one token, `>` at the end is one or more."""
    tokens, wanted = subject.split("."), pattern.split(".")
    if wanted[-1] == ">":
        wanted = wanted[:-1]
        if len(tokens) <= len(wanted):
            return False
        tokens = tokens[: len(wanted)]
    return len(tokens) == len(wanted) and all(w in ("*", t) for t, w in zip(tokens, wanted, strict=True))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("about", [{}, {"user": USER}, {"user": USER, "account": ACCOUNT}, {"account": ACCOUNT}])
def test_the_original_subject_is_read_back_from_both_forms(subject: str, about: dict[str, UUID]) -> None:
    for service in SERVICES:
        address = letter(subject, about).address(service)
        assert is_addressed(address)
        assert original_subject(address) == subject
        old = f"dead.{service}.{subject}"
        assert not is_addressed(old)
        assert original_subject(old) == subject


@given(
    st.sampled_from(SERVICES), st.sampled_from(SUBJECTS), st.sampled_from([USER, UserId(UUID(int=3)), None]),
    st.sampled_from([ACCOUNT, AccountId(UUID(int=4)), None]),
)  # fmt: skip
def test_a_purge_finds_the_letters_of_its_user_or_account_and_no_others(
    service: Service, subject: str, user: UserId | None, account: AccountId | None
) -> None:
    about = {name: value for name, value in (("user", user), ("account", account)) if value}
    address = letter(subject, about).address(service)
    assert matches(address, purge_filter(USER)) == (user == USER)
    assert matches(address, purge_filter(USER, ACCOUNT)) == (user == USER and account == ACCOUNT)


def test_a_reason_is_one_line_of_at_most_five_hundred_characters() -> None:
    headers = Letter("a.b", b"", "two\r\nlines " + "x" * 1_000, "consumer").headers()
    assert headers["Pingcrm-Reason"].startswith("two lines xxx")
    assert len(headers["Pingcrm-Reason"]) == 500


@given(st.binary(max_size=5_000))
def test_a_compressed_payload_comes_back_as_it_was(payload: bytes) -> None:
    data, headers = compressed(payload)
    assert payload_of(data, headers) == payload
    assert payload_of(payload, {}) == payload


@given(
    st.recursive(
        st.none() | st.integers(-9, 9) | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.dictionaries(st.sampled_from(["user_id", "a.b", "*"]), inner),
    )
)
def test_whatever_a_payload_holds_an_address_has_five_parts_or_more(value: object) -> None:
    payload = orjson.dumps({"user_id": value, "account_id": value, "meeting": value})
    address = letter("a.b", read_about(payload)).address("sync")
    assert len(address.split(".")) == 6
    assert not set(address) & set("*> \t\r\n")


@pytest.mark.parametrize("unit", [b"[", b'{"user_id":', b'{"meeting":{', b'"', b"\\", b'{"a":1,'])
def test_reading_a_hostile_payload_takes_time_in_proportion_to_its_size(unit: bytes) -> None:
    def seconds(size: int) -> float:
        payload = unit * (size // len(unit))
        began = process_time()
        assert read_about(payload) == {}
        return process_time() - began

    seconds(8_000)
    assert seconds(4_000_000) < 0.5


def test_the_reason_of_a_letter_names_no_address_and_is_plain_ascii() -> None:
    reason = "settings.changed: 'ann@example.com' is\r\nno address, señor …"
    letter = Letter("settings.changed", b"", reason, "contacts_settings_changed")
    assert letter.short_reason == "settings.changed: '…@…' is no address, señor …"
    assert letter.headers()["Pingcrm-Reason"] == r"settings.changed: '...@...' is no address, se\xf1or ..."
    assert len(Letter("x", b"", "é" * 5_000, "y").headers()["Pingcrm-Reason"]) == MAX_REASON_CHARACTERS
