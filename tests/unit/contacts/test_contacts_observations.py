"""Events become observations: each field from its place, texts harmless, and nobody on it who is not."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from libs.common.errors import Unprocessable
from libs.common.events import (
    Guest,
    Identity,
    InteractionReported,
    Meeting,
    MeetingCancelled,
    MeetingIngested,
    MessageIngested,
    MessageRemoved,
    Person,
)
from libs.common.ids import AccountId, ContactId, MeetingId, UserId
from libs.common.requests import AddInteraction
from services.contacts.domain.identities import undecorated
from services.contacts.domain.kept_participants import MAX_PARTICIPANTS, kept_with, participants_beyond
from services.contacts.domain.observations import (
    Observation,
    ObservedItem,
    Participant,
    cancelled_meeting,
    display_name,
    email_participant,
    identity_participant,
    is_reserved,
    observed_meeting,
    observed_message,
    removed_message,
    reported_interaction,
    written_interaction,
)

USER, ACCOUNT = UserId(UUID(int=1)), AccountId(UUID(int=2))
CONTACT, MEETING = ContactId(UUID(int=3)), MeetingId(UUID(int=4))
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
TAG = "abcdefgh23"


def message(**changes: Any) -> MessageIngested:
    fields: dict[str, Any] = {
        "user_id": USER, "account_id": ACCOUNT, "gmail_id": "g1", "thread_id": "t1", "revision": 7, "rfc_message_id": "<m@x>",
        "dated": "noon", "occurred_at": AT, "title": "Hello", "snippet": "How are you", "automated": "list", "via": True,
        "people": (Person(role="from", address="Ann@x.example", name="Ann"), Person(role="to", address="nobody"),
                   Person(role="to", address="b@x.example"), Person(role="to", address="B@x.example", name="late")),
        "bcc_tags": (TAG.upper(), "shopping", TAG, "aaaaaaaaaa"),
    }  # fmt: skip
    return MessageIngested(**{**fields, **changes})


def observed(event: MessageIngested) -> ObservedItem:
    item = observed_message(event).item
    assert item is not None
    return item


def test_a_message_becomes_an_observation_whole() -> None:
    people = (
        Participant("from", "email", "ann@x.example", "Ann@x.example", "Ann"),
        Participant("to", "email", "b@x.example", "b@x.example", ""),
    )
    found = observed_message(message())
    assert found == Observation(
        USER, ACCOUNT, "email", "g1", 7, "<m@x>",
        ObservedItem(
            occurred_at=AT, kind="message", participants=people, title="Hello", text="How are you", thread="t1",
            automated="list", via=True, dated="noon", bcc_tags=("aaaaaaaaaa", TAG),
        ),
    )  # fmt: skip
    assert found.key == (ACCOUNT, "email", "g1")
    assert found.group_key == (USER, "email", "<m@x>")
    assert found.item
    assert found.item.author == people[0]
    assert found.item.participant_count == 2


@pytest.mark.parametrize(
    ("written", "group"),
    [(None, f"{ACCOUNT}:g1"), ("", f"{ACCOUNT}:g1"), (" < m@x > ", "<m@x>"), ("m@x", "<m@x>"), ("<>", f"{ACCOUNT}:g1")],
)
def test_what_may_be_one_mail_is_held_together_by_its_message_id(written: str | None, group: str) -> None:
    assert observed_message(message(rfc_message_id=written)).group == group


@pytest.mark.parametrize(
    ("title", "snippet", "text"),
    [("Hi", "", ""), ("", "", "(no text)"), ("", "Yes", "Yes"), ("Hi", "Yes", "Yes")],
)
def test_a_message_without_any_words_is_still_shown(title: str, snippet: str, text: str) -> None:
    assert observed(message(title=title, snippet=snippet)).text == text


@pytest.mark.parametrize(
    ("dmarc", "sent", "unauthenticated", "tags"),
    [
        ("fail", False, True, ()),
        ("fail", True, False, ()),
        ("pass", False, False, ("aaaaaaaaaa", TAG)),
        ("unknown", True, False, ("aaaaaaaaaa", TAG)),
    ],
)
def test_what_fails_dmarc_logs_nothing_and_may_be_forged(
    dmarc: Any, sent: bool, unauthenticated: bool, tags: tuple[str, ...]
) -> None:
    item = observed(message(dmarc=dmarc, sent=sent))
    assert (item.unauthenticated, item.bcc_tags) == (unauthenticated, tags)


def test_texts_have_a_longest_length() -> None:
    item = observed(message(title="t" * 501, snippet="s" * 501, dated="d" * 101))
    assert (len(item.title), len(item.text), len(item.dated)) == (500, 500, 100)


def test_the_end_of_a_message_is_an_observation_without_an_item() -> None:
    gone = MessageRemoved(user_id=USER, account_id=ACCOUNT, gmail_id="g1", revision=8, reason="deleted")
    assert removed_message(gone) == Observation(USER, ACCOUNT, "email", "g1", 8, "", None)


def meeting(**changes: Any) -> MeetingIngested:
    fields: dict[str, Any] = {
        "meeting_id": MEETING, "user_id": USER, "account_id": ACCOUNT, "calendar_id": "primary", "event_id": "e1",
        "ical_uid": "uid", "original_start": "then", "revision": 5, "title": "Lunch", "place": "Café",
        "starts_at": AT, "ends_at": AT + timedelta(hours=1),
        "organizer": Guest(address="boss@x.example", name="Boss"),
        "guests": (Guest(address="Ann@x.example", name="Ann"), Guest(address="room@x.example", resource=True)),
    }  # fmt: skip
    return MeetingIngested(meeting=Meeting(**{**fields, **changes}))


def test_a_meeting_becomes_an_observation_whole() -> None:
    assert observed_meeting(meeting()) == Observation(
        USER, ACCOUNT, "calendar", "primary/e1", 5, "uid@then",
        ObservedItem(
            occurred_at=AT, ends_at=AT + timedelta(hours=1), kind="meeting", title="Lunch", text="Café", organized=False,
            direction="mutual",
            participants=(
                Participant("attendee", "email", "ann@x.example", "Ann@x.example", "Ann"),
                Participant("attendee", "email", "boss@x.example", "boss@x.example", "Boss"),
                Participant("organizer", "email", "boss@x.example", "boss@x.example", "Boss"),
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("organizer", "roles"),
    [
        (None, ["attendee"]),
        (Guest(address="room2@x.example", resource=True), ["attendee"]),
        (Guest(address="nobody"), ["attendee"]),
        (Guest(address="x@group.calendar.google.com"), ["attendee"]),
        (Guest(address="me@x.example", me=True), ["attendee", "organizer"]),
    ],
)
def test_only_people_organize(organizer: Guest | None, roles: list[str]) -> None:
    item = observed_meeting(meeting(organizer=organizer)).item
    assert item is not None
    assert [participant.role for participant in item.participants] == roles
    assert item.organized is bool(organizer and organizer.me)


def test_a_meeting_never_ends_before_it_begins_and_with_nobody_it_is_none() -> None:
    item = observed_meeting(meeting(ends_at=AT - timedelta(hours=1))).item
    assert item is not None
    assert item.ends_at == AT
    alone = meeting(guests=(), organizer=Guest(address="me@x.example", me=True))
    assert observed_meeting(alone).item is None
    long = observed_meeting(meeting(title="t" * 501, place="p" * 501)).item
    assert long is not None
    assert (len(long.title), len(long.text)) == (500, 500)


def test_the_end_of_a_meeting_is_an_observation_without_an_item() -> None:
    gone = MeetingCancelled(
        meeting_id=MEETING, user_id=USER, account_id=ACCOUNT, calendar_id="work", event_id="e1", revision=6
    )
    assert cancelled_meeting(gone) == Observation(USER, ACCOUNT, "calendar", "work/e1", 6, "", None)


@pytest.mark.parametrize("platform", ["gmail", "E-Mail", "cal endar", "ＧＭＡＩＬ", "email!"])
def test_the_names_of_google_s_platforms_are_taken(platform: str) -> None:
    assert is_reserved(platform)
    with pytest.raises(Unprocessable, match="report under a name of your own"):
        reported_interaction(reported(platform=platform), 1)


def test_other_platforms_are_free() -> None:
    assert not is_reserved("telegram")
    assert not is_reserved("emails")
    assert is_reserved("gmail" + " " * 27 + "x"), "it is known by what is kept of it"
    long = identity_participant("to", Identity(kind="k" * 33, value="v" * 501))
    assert long is not None
    assert (len(long.kind), len(long.shown)) == (32, 500)


def reported(**changes: Any) -> InteractionReported:
    fields: dict[str, Any] = {
        "user_id": USER, "platform": "telegram", "ref": "r1", "kind": "call", "occurred_at": AT, "direction": "inbound",
        "identities": (Identity(kind="telegram", value="@Ann", name="Ann"), Identity(kind="bcc", value=TAG),
                       Identity(kind="telegram", value="ann", name="again")),
        "title": "Call", "text": "Long talk", "thread": "th",
    }  # fmt: skip
    return InteractionReported(**{**fields, **changes})


def test_what_a_connector_reports_is_the_user_s_own_observation() -> None:
    assert reported_interaction(reported(), 9) == Observation(
        USER, USER, "telegram", "r1", 9, "r1",
        ObservedItem(
            occurred_at=AT, kind="call", participants=(Participant("other", "telegram", "ann", "@Ann", "Ann"),),
            title="Call", text="Long talk", thread="th", direction="inbound",
        ),
    )  # fmt: skip


def test_of_endless_reports_the_beginning_is_kept() -> None:
    many = tuple(Identity(kind="telegram", value=f"n{number}") for number in range(501))
    item = reported_interaction(reported(identities=many, title="t" * 501, text="x" * 10_001), 1).item
    assert item is not None
    assert (len(item.participants), len(item.title), len(item.text)) == (500, 500, 10_000)
    assert item.participants[-1].value == "n499"


def note(**changes: Any) -> AddInteraction:
    fields: dict[str, Any] = {
        "user_id": USER,
        "contact_id": CONTACT,
        "platform": "note",
        "kind": "",
        "title": "T",
        "text": "X",
    }
    return AddInteraction.model_validate(fields).model_copy(update=changes)


def test_a_note_stands_on_its_contact_s_hash() -> None:
    content = f"{USER}{CONTACT}{AT.isoformat()}noteTX"
    ref = f"note:{sha256(content.encode()).hexdigest()[:32]}"
    found = written_interaction(note(), CONTACT, TAG, AT)
    assert found.item
    assert found == Observation(
        USER, USER, "note", ref, 0, ref,
        ObservedItem(
            occurred_at=AT, kind="note", participants=(Participant("other", "bcc", TAG, TAG),), title="T", text="X",
            thread="", direction=note().direction,
        ),
    )  # fmt: skip


def test_a_note_is_known_by_its_own_reference_first() -> None:
    assert written_interaction(note(ref="mine"), CONTACT, TAG, AT, "made").ref == "mine"
    assert written_interaction(note(), CONTACT, TAG, AT, "made").ref == "made"
    item = written_interaction(
        note(kind="call", title="t" * 501, text="x" * 10_001, thread="th"), CONTACT, TAG, AT
    ).item
    assert item is not None
    assert (item.kind, len(item.title), len(item.text), item.thread) == ("call", 500, 10_000, "th")


@pytest.mark.parametrize(
    ("identity", "participant"),
    [
        (Identity(kind="email", value="Ann@x.example", name="Ann"),
         Participant("to", "email", "ann@x.example", "Ann@x.example", "Ann")),
        (Identity(kind="Phone", value="+49 30 1234"), Participant("to", "phone", "+49301234", "+49 30 1234", "")),
        (Identity(kind="phone", value="+49 (0)30 1234567", name="123"),
         Participant("to", "phone", "+49301234567", "+49 (0)30 1234567", "")),
        (Identity(kind="LinkedIn", value="https://www.linkedin.com/in/Ann/", name="Ann"),
         Participant("to", "linkedin", "ann", "Ann", "Ann")),
        (Identity(kind="EMAIL", value="Ann@x.example"), Participant("to", "email", "ann@x.example", "Ann@x.example")),
        (Identity(kind="domain", value="x.example"), None),
        (Identity(kind="telegram", value="@"), None),
        (Identity(kind=" ", value="x"), None),
        (Identity(kind="BCC", value=TAG), None),
        (Identity(kind="email", value="nobody"), None),
    ],
)  # fmt: skip
def test_an_identity_of_any_platform_has_a_comparable_value(
    identity: Identity, participant: Participant | None
) -> None:
    assert identity_participant("to", identity) == participant


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (" HTTP://www.X.example/Ann// ", "x.example/ann"), ("www.x.example", "x.example"), ("@@ann", "ann"),
        ("ann@", "ann@"), ("/ann", "/ann"), ("https://http://x.example", "x.example"),
    ],
)  # fmt: skip
def test_a_handle_has_no_decoration(written: str, value: str) -> None:
    assert undecorated(written) == value


@pytest.mark.parametrize(
    ("name", "shown"),
    [("A" * 201, "A" * 200), ("x" * 2_500 + "@y", "x" * 200), ("1a2", "1a2"), ("12-3", ""), (" " * 2_001 + "Ann", "")],
)
def test_a_name_is_read_as_far_as_anybody_reads(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(
    ("address", "name", "shown", "called"),
    [
        ("<Ann@x.example>", "Ann", "Ann@x.example", "Ann"),
        ("ann@x.example", "Ann@x . example", "ann@x.example", ""),
        ("ann@x.example", "Ann @ home", "ann@x.example", "Ann @ home"),
        ("ann@x.example", "", "ann@x.example", ""),
    ],
)
def test_an_address_is_shown_as_it_was_written(address: str, name: str, shown: str, called: str) -> None:
    assert email_participant("to", address, name) == Participant("to", "email", "ann@x.example", shown, called)


def crowd(*participants: Participant) -> Observation:
    return Observation(USER, ACCOUNT, "email", "g1", 1, "<m>", ObservedItem(AT, "message", participants, left_out=2))


def guest(number: int, role: str = "to") -> Participant:
    return Participant(role, "email", f"p{number}@x.example", f"p{number}@x.example")


HUNDRED = tuple(guest(number) for number in range(MAX_PARTICIPANTS))


def test_the_hundred_first_is_beyond_unless_they_are_there_already_or_wrote_it() -> None:
    assert MAX_PARTICIPANTS == 100
    late = (guest(5, "cc"), guest(100), guest(101, "from"), guest(102, "organizer"), guest(100, "cc"))
    assert participants_beyond(crowd(*HUNDRED)) == []
    assert participants_beyond(crowd(*HUNDRED, *late)) == [guest(100), guest(100, "cc")]
    assert participants_beyond(Observation(USER, ACCOUNT, "email", "g1", 1, "<m>", None)) == []


def test_of_those_beyond_the_known_are_kept_and_the_others_counted() -> None:
    everybody = crowd(*HUNDRED, guest(100), guest(101), guest(102, "from"), guest(103), guest(103, "from"))
    kept = kept_with(everybody, {("email", "p101@x.example")})
    assert kept.item
    assert kept.item.participants == (*HUNDRED, guest(101), guest(102, "from"), guest(103, "from"))
    assert kept.item.left_out == 3, "two who were left out before, and one more"
    assert kept.item.participant_count == 106
    assert kept.ref == "g1"


def test_nothing_changes_where_all_are_known_or_it_is_gone() -> None:
    everybody = crowd(*HUNDRED, guest(100))
    assert kept_with(everybody, {("email", "p100@x.example")}) is everybody
    gone = Observation(USER, ACCOUNT, "email", "g1", 1, "<m>", None)
    assert kept_with(gone, ()) is gone
