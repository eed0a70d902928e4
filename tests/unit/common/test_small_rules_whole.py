"""Page tokens, preferences, guests, marks, zones, encoded words and addresses at their borders."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from pydantic import ValidationError

from libs.common import pagination, time_slice
from libs.common.addresses import canonical, is_bouncer, parse_list, phone_key, tag_of, without_tag
from libs.common.attendees import attendees_of
from libs.common.brief_mark import BRIEF_HEADER, is_brief_token
from libs.common.encoded_words import decode_words
from libs.common.errors import Refused
from libs.common.events import Guest, Meeting
from libs.common.ids import AccountId, MeetingId, UserId
from libs.common.pagination import INFINITE_PAST, PAGE_BYTES, cut_page, decode_page_token, encode_page_token, json_bytes
from libs.common.preferences import GmailPreferences, NotificationPreferences, Preferences
from libs.common.time_slice import TimeSlice
from libs.common.time_zones import known_zone

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ID = UUID(int=7)


def token_of(*position: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def test_a_position_comes_back_with_its_types() -> None:
    token = encode_page_token(NOW, ID, 5, "é", True)
    assert token == token_of(NOW, ID, 5, "é", True)
    assert "=" not in token
    assert decode_page_token(token, datetime, UUID, int, str, bool) == (NOW, ID, 5, "é", True)
    assert decode_page_token(None, int) is None
    assert decode_page_token(token_of("2026-03-04T12:00:00"), datetime) == (NOW,)
    assert decode_page_token(token_of("2026-03-04T13:00:00+01:00"), datetime) == (NOW,)
    assert decode_page_token(token_of(-(2**63), 2**63 - 1), int, int) == (-(2**63), 2**63 - 1)
    assert encode_page_token(AccountId(ID), timedelta) == token_of(str(ID), str(timedelta))


@pytest.mark.parametrize(
    ("token", "types"),
    [
        ("!", (int,)), ("", (int,)), (token_of(1, 2), (int,)), (token_of(1), (int, int)), (token_of("1"), (int,)),
        (token_of(1), (str,)), (token_of(True), (int,)), (token_of("a\0"), (str,)), (token_of(2**63), (int,)),
        (token_of(1.5), (int,)), (token_of("x"), (UUID,)), (token_of("x"), (datetime,)), (token_of(None), (str,)),
        (base64.urlsafe_b64encode(b'{"0": 1}').decode().rstrip("="), (int,)),
        (base64.urlsafe_b64encode(b"[18446744073709551615]").decode().rstrip("="), (int,)),
        (base64.urlsafe_b64encode(b'"ab"').decode().rstrip("="), (str, str)),
    ],
)  # fmt: skip
def test_a_token_that_was_not_given_out_is_refused(token: str, types: tuple[type, ...]) -> None:
    with pytest.raises(Refused) as caught:
        decode_page_token(token, *types)
    assert (caught.value.status, caught.value.code, caught.value.detail) == (
        400, "invalid_cursor", "This cursor is not one of this list. Begin again without it.",
    )  # fmt: skip


def test_a_page_fits_to_the_byte() -> None:
    items = ["aa", "bb", "cc"]  # 4 bytes each as JSON, and a comma
    for budget, fitting in ((15, 3), (14, 2), (10, 2), (9, 1), (0, 1)):
        page, token = cut_page(items, 3, lambda item: (item,), budget_bytes=budget)
        assert page == tuple(items[:fitting])
        assert token == (None if fitting == 3 else encode_page_token(page[-1]))
    assert cut_page([], 3, lambda item: (item,)) == ((), None)
    assert json_bytes("é") == 4
    assert json_bytes(ID) == 38
    assert json_bytes(GmailPreferences()) == len(GmailPreferences().model_dump_json())
    assert json_bytes({"when": timedelta(1)}) == len(b'{"when":"1 day, 0:00:00"}')
    assert PAGE_BYTES == 500_000
    assert datetime.min.replace(tzinfo=UTC) == INFINITE_PAST
    assert pagination.json_bytes is json_bytes


def test_the_defaults_of_all_settings() -> None:
    assert Preferences().model_dump() == {
        "gmail": {
            "mail_lookback_days": 365, "contact_creation": "people", "own_addresses": (), "calendar_ids": (),
            "meeting_prep_enabled": True, "meeting_prep_unknown": False, "meeting_prep_private": False, "time_zone": "",
        },
        "notifications": {
            "webhook_url": None,
            "webhook_events": (
                "account.reauth_required", "permissions.missing", "sync.completed", "sync.failed", "bcc.unclaimed", "prep.sent",
                "prep.failed", "export.done", "export.failed",
            ),
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "fits"),
    [
        ("mail_lookback_days", 0, True), ("mail_lookback_days", -1, False), ("mail_lookback_days", 36_500, True),
        ("mail_lookback_days", 36_501, False), ("contact_creation", "everyone", True), ("contact_creation", "all", False),
        ("own_addresses", ("a@x.example",) * 50, True), ("own_addresses", ("a@x.example",) * 51, False),
        ("own_addresses", ("a@b@x.example",), False), ("own_addresses", ("nobody",), False),
        ("own_addresses", ("a b@x.example",), False), ("own_addresses", ("a\n@x.example",), False),
        ("own_addresses", ("a" * 248 + "@x.example",), False), ("own_addresses", ("a" * 244 + "@x.example",), True),
        ("calendar_ids", ("c",) * 50, True), ("calendar_ids", ("c",) * 51, False), ("calendar_ids", ("",), False),
        ("calendar_ids", ("c" * 1_024,), True), ("calendar_ids", ("c" * 1_025,), False), ("calendar_ids", ("a\0b",), False),
        ("calendar_ids", ("a\x1fb",), False), ("calendar_ids", ("a b",), True), ("time_zone", "Europe/Berlin", True),
        ("time_zone", "Nowhere", False), ("time_zone", "", True), ("time_zone", "x" * 101, False),
    ],
)  # fmt: skip
def test_each_setting_has_its_bounds(field: str, value: Any, fits: bool) -> None:
    if fits:
        assert getattr(GmailPreferences.model_validate({field: value}), field) == value
        return
    with pytest.raises(ValidationError) as caught:
        GmailPreferences.model_validate({field: value})
    if field == "own_addresses" and len(value) == 1:
        assert f"{value[0]!r} is not an email address" in str(caught.value)
    if value == "Nowhere":
        assert "'Nowhere' is not a time zone such as Europe/Berlin" in str(caught.value)


def test_settings_are_frozen_and_explained() -> None:
    for settings in (Preferences(), GmailPreferences(), NotificationPreferences()):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(settings, next(iter(type(settings).model_fields)), None)
        assert type(settings).model_validate({"unknown": 1}) == settings
    explained = {name: field.description for name, field in GmailPreferences.model_fields.items()}
    assert explained == {
        "mail_lookback_days": "How far back mail is imported; 0 = all of it.",
        "contact_creation": "Whom mail and meetings turn into contacts.",
        "own_addresses": "More addresses that are me, not connected here.",
        "calendar_ids": "Calendars to read beside the primary one.",
        "meeting_prep_enabled": "Send a brief before each meeting.",
        "meeting_prep_unknown": "Also where I have no history with any guest.",
        "meeting_prep_private": "Also for events marked private.",
        "time_zone": "In which zone I read times (`Europe/Berlin`); empty: that of the primary calendar.",
    }
    assert {name: field.description for name, field in NotificationPreferences.model_fields.items()} == {
        "webhook_url": "What happens is also POSTed here, signed.",
        "webhook_events": "What is POSTed: notifications of these kinds, and `contact.changed`. Nothing else is.",
    }


def test_what_a_webhook_is_called_about_is_chosen_once_each_in_one_order() -> None:
    chosen = NotificationPreferences.model_validate(
        {"webhook_events": ["contact.changed", "sync.failed", "contact.changed"]}
    )
    assert chosen.webhook_events == ("sync.failed", "contact.changed")
    assert NotificationPreferences(webhook_events=()).webhook_events == ()
    newer = {"webhook_events": ["of.a.newer.version", "sync.failed"]}
    assert NotificationPreferences.model_validate(newer).webhook_events == ("sync.failed",)
    for wrong in (7, "sync.failed", None):
        with pytest.raises(ValidationError):
            NotificationPreferences.model_validate({"webhook_events": wrong})


def meeting(*guests: Guest, organizer: Guest | None = None) -> Meeting:
    return Meeting(
        meeting_id=MeetingId(ID), user_id=UserId(ID), account_id=AccountId(ID), calendar_id="primary", event_id="e", revision=1,
        title="", starts_at=NOW, ends_at=NOW, guests=guests, organizer=organizer,
    )  # fmt: skip


def test_a_meeting_is_with_its_guests_and_then_its_organizer() -> None:
    ann, boss = Guest(address="Ann@x.example", name="Ann"), Guest(address="boss@x.example")
    others = (Guest(address="me@x.example", me=True), Guest(address="room@x.example", resource=True), Guest(address="nobody"),
              Guest(address="g@group.calendar.google.com"), Guest(address="ANN@x.example", name="again"))  # fmt: skip
    found = attendees_of(meeting(ann, *others, organizer=boss))
    host = Guest(address="boss@x.example", organizer=True, answer="accepted")
    assert list(found.items()) == [("ann@x.example", ann), ("boss@x.example", host)]
    assert attendees_of(meeting(boss, ann, organizer=boss)) == {"boss@x.example": boss, "ann@x.example": ann}
    for nobody in ("noreply@x.example", "mailer-daemon@x.example", "nobody", "c@group.calendar.google.com"):
        assert attendees_of(meeting(ann, organizer=Guest(address=nobody))) == {"ann@x.example": ann}
    assert list(attendees_of(meeting(Guest(address="noreply@x.example")))) == ["noreply@x.example"], (
        "who is invited counts"
    )
    assert attendees_of(meeting(organizer=Guest(address="me@x.example", me=True))) == {}


@pytest.mark.parametrize(
    ("text", "fits"),
    [("pcrm" + "a2" * 10, True), ("pcrm" + "z7" * 10, True), ("PCRM" + "a2" * 10, False), ("pcrm" + "a" * 19, False),
     ("pcrm" + "a" * 21, False), ("pcrm" + "a1" * 10, False), ("pcrm" + "a8" * 10, False), ("pcrm" + "A2" * 10, False)],
)  # fmt: skip
def test_a_brief_s_token_has_a_hundred_bits_in_base32(text: str, fits: bool) -> None:
    assert is_brief_token(text) is fits
    assert BRIEF_HEADER == "X-PingCRM-Prep"


@pytest.mark.parametrize(
    ("name", "known"), [("Europe/Berlin", True), ("", False), ("Nowhere", False), ("../x", False), ("Europe", False)]
)
def test_a_zone_is_known_or_none(name: str, known: bool) -> None:
    found = known_zone(name)
    assert (found is not None) is known
    assert found is None or found.key == name


async def test_long_work_lets_the_loop_go_on_once_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    turns = []
    monkeypatch.setattr(time_slice, "perf_counter", lambda: clock[0])
    asyncio.get_running_loop().call_soon(turns.append, 1)
    work = TimeSlice()
    clock[0] = 0.0249
    await work.pause_if_over()
    assert turns == []
    clock[0] = 0.025
    await work.pause_if_over()
    assert turns == [1]
    asyncio.get_running_loop().call_soon(turns.append, 2)
    clock[0] = 0.049
    await work.pause_if_over()
    assert turns == [1], "the next slice began with the pause"
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(time_slice, "asyncio", SimpleNamespace(sleep=sleep))
    clock[0] = 0.05
    await work.pause_if_over()
    assert pauses == [0]


@pytest.mark.parametrize(
    ("label", "raw", "text"),
    [
        ("ascii", b"\x93", "“"), ("iso-8859-9", b"\xfd\x80", "ı€"), ("iso-8859-11", b"\xa1", "ก"), ("tis-620", b"\xa1", "ก"),
        ("gb2312", b"\xd6\xec\x88\x46", "朱團"), ("gbk", b"\xa8\xbf", "ǹ"), ("euc-kr", b"\x81\x41", "갂"), ("big5", b"\xa4\xa4", "中"),
        ("ks_c_5601-1987", b"\x81\x41", "갂"), ("x-sjis", b"\x87\x40", "①"), ("x-gbk", b"\xd6\xec", "朱"), ("utf8mb4", b"\xc3\xa9", "é"),
        ("x-unknown", b"\x93", "“"), ("unknown-8bit", b"\x93", "“"), ("cp-850", b"\x82", "é"), ("iso-8859-8-i", b"\xe0", "א"),
        ("windows-874", b"\xa1", "ก"), ("x-mac-roman", b"\x8e", "é"),
        ("punycode", b"abc-", "abc-"), ("unicode-escape", b"\\u0041", "\\u0041"),
        ("raw-unicode-escape", b"\\u0041", "\\u0041"), ("undefined", b"a", "a"), ("shift_jis", b"\x87\x40", "①"),
    ],
)  # fmt: skip
def test_each_label_means_its_charset(label: str, raw: bytes, text: str) -> None:
    for written in (label, label.upper()):
        word = f"=?{written}?b?{base64.b64encode(raw).decode()}?="
        assert decode_words(word) == text
        assert decode_words(word.replace("?b?", "?B?")) == text


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?q?a?= =?utf-8?b?!!!?= =?utf-8?q?b?=", "a =?utf-8?b?!!!?= b"),
        ("=?utf-8?q?a?=x=?utf-8?q?b?=", "axb"),
        ("=?utf-8?q?=c3?= =?iso-8859-1?q?=e9?=", "Ãé"),
        ("=?utf-8?b??=", ""),
        ("=?utf-8?q?a_b=20c?=", "a b c"),
        ("=?utf-8?q?=4?=", "=4"),
        ("=?shift_jis?q?=81?=", "�"),
        ("=?" + "x" * 41 + "?q?a?=", "=?" + "x" * 41 + "?q?a?="),
        ("=?utf-8?q?a?= \t\n =?utf-8?q?b?= c", "ab c"),
        ("a\x7fb\u2028c\u202ed", "a b c d"),
    ],
)
def test_words_beside_each_other_are_put_together(written: str, read: str) -> None:
    assert decode_words(written) == read


def test_of_an_endless_header_the_beginning_is_decoded() -> None:
    assert decode_words("=?utf-8?q?a?=" + " " * 100_000 + "=?utf-8?q?b?=") == "a =?utf-8?q?b?="


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("'ann'@x.example", "ann@x.example"),
        ("XannX@X.example", "xannx@x.example"), ('"ann@x.example"', "ann@x.example"), ("ann@x..example", None), ("ann@-x.example", None),
        ("ann@x.example-", None), ("ann@x_y.example", None), ("ann@1.2", "ann@1.2"),
        ("ann@x", "ann@x"), ("ann@ x . example ", "ann@x.example"),
        ("ann@" + "x" * 250, "ann@" + "x" * 250), ("ann@" + "x" * 251, None), ("ann@" + "ü" * 300, None),
        ("a..b@gmail.com", "ab@gmail.com"),
        ("A+b@GOOGLEMAIL.com.", "a@gmail.com"), ("...@gmail.com", None), ("ann\u200b@x.example", "ann@x.example"), ("ann@\u2488com", None),
    ],
)  # fmt: skip
def test_addresses_at_their_borders(written: str, form: str | None) -> None:
    assert canonical(written) == form


@pytest.mark.parametrize(
    ("address", "tag"),
    [
        ("<Ann+A+b@x>", "a+b"),
        (' "ann+a"@x', "a"),
        ("ann+'a'@x", "a"),
        ("a+b", ""),
        ("ann@x+y", ""),
        (" <ann+a@x> ", "a"),
    ],
)
def test_a_tag_is_what_follows_the_first_plus_before_the_at(address: str, tag: str) -> None:
    assert tag_of(address) == tag
    assert without_tag("a+b+c@x@y") == "a@y"
    assert without_tag("a@y") == "a@y"


def test_mail_systems_are_known_in_any_case() -> None:
    assert [is_bouncer(f"{local}@x") for local in ("Mailer-Daemon", "POSTMASTER", "postmaster", "master")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("header", "boxes"),
    [
        ("<@a,@b:ann@x.io>, b@x.io", [("", "ann@x.io"), ("", "b@x.io")]),
        ("Ann <a@x.io> Bob <b@x.io>", [("Ann", "a@x.io")]),
        ("<x> Ann <a@x.io>", [("Ann", "a@x.io")]),
        ("a@x.io b@x.io", []),
        ("a@x.io (A) (B)", [("A) (B", "a@x.io")]),
        ("(c \\) d) a@x.io", [("c \\) d", "a@x.io")]),
        ("((in) out) a@x.io", [("in) out", "a@x.io")]),
        ("<a@x.io> (Ann)", [("Ann", "a@x.io")]),
        ("team: ;, b@x.io", [("", "b@x.io")]),
        ("'Ann' <a@x.io>", [("Ann", "a@x.io")]),
        ('"" <a@x.io>', [("", "a@x.io")]),
        ("Ann <a@x.io", [("Ann", "a@x.io")]),
        ("Ann < a @ x . io >", [("Ann", "a@x.io")]),
        ("team:Lee, Ann <a@x.io>;", [("Lee, Ann", "a@x.io")]),
        ("x; team: Ann <a@x.io>", [("Ann", "a@x.io")]),
        (" , , a@x.io", [("", "a@x.io")]),
    ],
)
def test_odd_headers_are_read_as_a_person_would(header: str, boxes: list[tuple[str, str]]) -> None:
    assert [tuple(box) for box in parse_list(header)] == boxes


@pytest.mark.parametrize(
    ("shown", "key"),
    [
        ("+1 212 555 0100", "+12125550100"), ("+12", "+12"), ("+", ""), ("12a", "12"), ("1-800-FLOWERS x", "180035693779"),
        ("1234567FLOWERS", "1234567"), ("123456 FLOWERS", "1234563569377"), ("+999 1234567890", "+9991234567890"), ("", ""),
    ],
)  # fmt: skip
def test_phones_at_their_borders(shown: str, key: str) -> None:
    assert phone_key(shown) == key
