"""docs/rules.md, rule by rule, as the oracle counts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.google_sim.account import AccountData, CalendarData, Resource
from libs.google_sim.oracle import Expected, expect, gmail_optimum

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ME = "me@home.example"
OTHER_ME = "me@work.example"


def mail(
    number: int = 1,
    *,
    days: float = 1,
    labels: tuple[str, ...] = ("INBOX",),
    thread: str = "",
    mime: str = "text/plain",
    **headers: str | list[str],
) -> Resource:
    """A message; header names are given with `_` for `-`, a list for several headers of one name."""
    values = {"From": "Ann <ann@x.org>", "To": ME, **{name.replace("_", "-"): value for name, value in headers.items()}}
    listed = [
        {"name": name, "value": one}
        for name, value in values.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    return {
        "id": f"{number:016x}",
        "threadId": thread or f"{number:016x}",
        "labelIds": list(labels),
        "internalDate": str(int((NOW - timedelta(days=days)).timestamp() * 1000)),
        "payload": {"mimeType": mime, "headers": listed},
    }


def account(
    *messages: Resource,
    address: str = ME,
    people: tuple[Resource, ...] = (),
    events: tuple[Resource, ...] = (),
    aliases: tuple[str, ...] = (),
) -> AccountData:
    calendar = CalendarData(address, address, time_zone="Europe/Stockholm", primary=True, events=list(events))
    return AccountData(address, "Me", "1" * 21, list(aliases), list(messages), [calendar], list(people))


def counted(*messages: Resource, **settings: Any) -> Expected:
    return expect([account(*messages)], NOW, **settings)


def made(*messages: Resource, **settings: Any) -> set[str]:
    """The addresses of all contacts."""
    return {address for group in counted(*messages, **settings).contact_addresses for address in group}


FILTERED = [
    ({"labels": ("DRAFT",)}, "draft"),
    ({"labels": ("CHAT", "SPAM")}, "chat"),
    ({"labels": ("INBOX", "SPAM")}, "spam"),
    ({"labels": ("TRASH",)}, "trash"),
    ({"days": 366}, "lookback"),
    ({"X_PingCRM_Prep": "token"}, "prep_email"),
]


@pytest.mark.parametrize(("what", "rule"), FILTERED)
def test_what_is_not_eligible_is_filtered_by_name(what: dict[str, Any], rule: str) -> None:
    found = counted(mail(**what))
    assert (found.messages, found.filtered, found.contacts) == (0, {rule: 1}, 0)


def test_without_lookback_old_mail_counts() -> None:
    assert counted(mail(days=9_000), mail_lookback_days=0).messages == 1


@pytest.mark.parametrize(
    "broken", [{"id": None}, {"internalDate": "soon"}, {"internalDate": None}, {"payload": "text"}]
)
def test_a_resource_that_lacks_the_essentials_is_set_aside(broken: Resource) -> None:
    found = counted(mail(1) | broken, mail(2))
    assert (found.messages, found.set_aside) == (1, 1)


def test_a_mail_from_me_is_outbound_and_makes_its_recipients_contacts() -> None:
    sent = mail(From=f"Me <{ME.upper()}>", To="b@x.org, me+note@home.example", Cc="c@x.org", Bcc="d@x.org")
    assert counted(sent).directions == {"inbound": 0, "outbound": 1}
    assert made(sent) == {"b@x.org", "c@x.org", "d@x.org"}


def test_an_inbound_mail_makes_only_its_author_a_contact() -> None:
    received = mail(To=f"{ME}, silent@x.org")
    assert counted(received).directions == {"inbound": 1, "outbound": 0}
    assert made(received) == {"ann@x.org"}


def test_of_several_authors_me_comes_first_then_the_first_valid_then_the_sender() -> None:
    assert counted(mail(From=f"ann@x.org, {ME}")).directions["outbound"] == 1
    assert made(mail(From="nobody, second@x.org")) == {"second@x.org"}
    assert made(mail(From="nobody", Sender="third@x.org")) == {"third@x.org"}
    assert made(mail(From=["nobody", "fourth@x.org"])) == {"fourth@x.org"}
    assert made(mail(From="nobody")) == set()


AUTOMATED = [
    {"Return_Path": "<>"},
    {"From": "postmaster@x.org"},
    {"mime": "multipart/report"},
    {"Sender": "Google Calendar <calendar-notification@google.com>"},
    {"mime": "text/calendar"},
    {"Auto_Submitted": "auto-generated; type=x"},
    {"From": "no-reply@x.org"},
    {"Precedence": " Bulk "},
    {"List_Id": "<l.x.org>"},
    {"List_Unsubscribe": "<mailto:u@x.org>"},
]


@pytest.mark.parametrize("what", AUTOMATED)
def test_automated_mail_is_an_interaction_but_makes_no_contact(what: dict[str, Any]) -> None:
    found = counted(mail(**what))
    assert (found.messages, found.contacts) == (1, 0)


@pytest.mark.parametrize("what", [{"Auto_Submitted": "No"}, {"Return_Path": "<ann@x.org>"}, {"Precedence": "normal"}])
def test_headers_that_deny_automation_change_nothing(what: dict[str, Any]) -> None:
    assert made(mail(**what)) == {"ann@x.org"}


def test_list_mail_of_a_thread_that_i_answered_is_not_automated() -> None:
    request, answer = mail(1, thread="t", List_Id="<l>"), mail(2, thread="t", From=ME, To="list@x.org")
    assert made(request, answer) == {"ann@x.org", "list@x.org"}
    assert made(request, mail(2, From=ME, To="list@x.org")) == {"list@x.org"}
    assert "ann@x.org" not in made(mail(1, thread="t", Precedence="list"), answer)


@pytest.mark.parametrize(
    "what", [{"From": "Ann via List <l@x.org>"}, {"X_Original_From": "a"}, {"X_Original_Sender": "a"}]
)
def test_mail_via_a_list_does_not_create_its_author(what: dict[str, Any]) -> None:
    assert made(mail(**what)) == set()


def test_more_than_25_participants_create_nobody() -> None:
    few, many = (", ".join(f"p{number}@x.org" for number in range(count)) for count in (24, 25))
    assert len(made(mail(From=ME, To=few))) == 24
    assert made(mail(From=ME, To=many)) == set()
    assert made(mail(From=ME, To=many), contact_creation="everyone") == set()


def test_contact_creation_decides_who_becomes_a_contact() -> None:
    both = (mail(1, To=f"{ME}, silent@x.org"), mail(2, From=ME, To="b@x.org, no-reply@x.org"))
    assert made(*both) == {"ann@x.org", "b@x.org"}
    assert made(*both, contact_creation="sent_only") == {"b@x.org"}
    assert made(*both, contact_creation="none") == set()
    assert made(*both, contact_creation="everyone") == {"ann@x.org", "silent@x.org", "b@x.org", "no-reply@x.org"}


def test_the_same_mail_in_two_accounts_is_one_interaction() -> None:
    copy, lone = mail(1, Message_ID="<m@x>"), mail(2)
    found = expect([account(copy, lone), account(copy, lone, address=OTHER_ME)], NOW)
    assert found.messages == 3
    assert found.messages_by_account == {ME: 2, OTHER_ME: 2}


def test_a_message_id_reused_in_one_account_loses_nothing() -> None:
    reused = [mail(number, Message_ID="<m@x>") for number in (1, 2, 3)]
    assert expect([account(*reused), account(reused[0], address=OTHER_ME)], NOW).messages == 3


def test_another_connected_account_and_an_alias_are_me() -> None:
    found = expect(
        [
            account(
                mail(From=OTHER_ME, To="b@x.org"),
                mail(2, From="alias@home.example", To=OTHER_ME),
                aliases=("alias@home.example",),
            ),
            account(address=OTHER_ME),
        ],
        NOW,
    )
    assert found.directions == {"inbound": 0, "outbound": 2}
    assert found.contact_addresses == {frozenset({"b@x.org"})}


def person(
    number: int, *, name: str = "", emails: tuple[str, ...] = (), phones: tuple[str, ...] = (), **more: Any
) -> Resource:
    return {
        "resourceName": f"people/c{number}",
        "names": [{"displayName": name}] if name else [],
        "emailAddresses": [{"value": email} for email in emails],
        "phoneNumbers": [{"value": phone} for phone in phones],
        **more,
    }


def cards(*people: Resource, messages: tuple[Resource, ...] = ()) -> Expected:
    return expect([account(*messages, people=people)], NOW)


def test_a_card_joins_the_contacts_of_its_addresses() -> None:
    found = cards(person(1, emails=("Ann@x.org", "b@x.org")), messages=(mail(1), mail(2, From="b@x.org")))
    assert found.contact_addresses == {frozenset({"ann@x.org", "b@x.org"})}


def test_cards_with_the_same_phone_are_one_only_with_the_same_name() -> None:
    jo = person(1, name="José  PÉREZ", phones=("+46 70 174 06 05",))
    assert cards(jo, person(2, name="jose perez", phones=("+46701740605",))).contacts == 1
    assert cards(jo, person(2, name="Eva", phones=("+46701740605",))).contacts == 2
    assert cards(person(1, phones=("123",)), person(2, phones=("123",))).contacts == 2
    assert cards(person(1, name="A", phones=("08-12 34",)), person(2, name="a", phones=("0812 34",))).contacts == 1
    soren = person(1, name="Søren Łuk", phones=("+1 212 555 0100 ext. 5",))
    assert cards(soren, person(2, name="Soren Luk", phones=("+12125550100 x5",))).contacts == 1
    assert cards(soren, person(2, name="Soren Luk", phones=("+12125550100 x6",))).contacts == 2
    assert (
        cards(person(1, name="A", phones=("1-800-FLOWERS",)), person(2, name="a", phones=("1800 356 9377",))).contacts
        == 1
    )
    assert (
        cards(person(1, name="A", phones=("1-800-FLOWERS",)), person(2, name="a", phones=("1-800-GOFEDEX",))).contacts
        == 2
    )


@pytest.mark.parametrize(
    "skipped",
    [
        person(1, name="Gone", metadata={"deleted": True}),
        person(1),
        person(1, emails=("not an address",), phones=("-",)),
        person(1, name="Me", emails=(ME,)),
        {"names": [{"displayName": "No resource name"}]},
    ],
)
def test_a_card_that_is_deleted_empty_or_me_is_skipped(skipped: Resource) -> None:
    found = cards(skipped)
    assert (found.imported, found.cards_skipped, found.contacts) == (0, 1, 0)


def event(*guests: str, minutes: float = -600, identifier: str = "e", **more: Any) -> Resource:
    start = NOW + timedelta(minutes=minutes)
    return {
        "id": identifier,
        "iCalUID": f"{identifier}@google.com",
        "status": "confirmed",
        "start": {"dateTime": start.isoformat()},
        "end": {"dateTime": (start + timedelta(hours=1)).isoformat()},
        "attendees": [{"email": guest} for guest in guests],
        **more,
    }


def met(*events: Resource, **settings: Any) -> Expected:
    return expect([account(events=events)], NOW, **settings)


NO_MEETING = [
    event("a@x.org", status="cancelled"),
    event("a@x.org", eventType="focusTime"),
    event("a@x.org", start={}),
    event("a@x.org", minutes=61 * 1_440),
    event("a@x.org", minutes=-1_096 * 1_440),
]


@pytest.mark.parametrize("what", NO_MEETING)
def test_what_is_no_meeting_leaves_no_trace(what: Resource) -> None:
    found = met(what)
    assert (found.meetings, found.meeting_interactions, found.contacts) == (0, 0, 0)


def test_rooms_robots_and_me_are_no_attendees() -> None:
    room, self_ = {"email": "r@x.org", "resource": True}, {"email": "any@x.org", "self": True}
    for organizer in ({"email": ME}, {"email": "c_2@group.calendar.google.com"}, {"email": "no-reply@x.org"}, None):
        alone = event(ME, "c_1@resource.calendar.google.com", attendees=[room, self_], organizer=organizer)
        assert (met(alone).meetings, met(alone).meeting_interactions, met(alone).contacts) == (1, 0, 0)


def test_the_organizer_is_an_attendee_whoever_else_is_invited() -> None:
    assert met(event("a@x.org", organizer={"email": "boss@x.org"})).contacts == 2
    assert met(event("a@x.org", organizer={"email": ME})).contacts == 1
    hidden = met(event(ME, organizer={"email": "boss@x.org"}))
    assert (hidden.meeting_interactions, hidden.contacts) == (1, 1)


def test_sent_only_takes_attendees_of_my_own_meetings() -> None:
    mine, theirs = (
        event("a@x.org", organizer={"email": ME}),
        event("b@x.org", identifier="f", organizer={"email": "c@x.org"}),
    )
    assert met(mine, theirs, contact_creation="sent_only").contacts == 1
    assert met(mine, theirs, contact_creation="none").contacts == 0


def test_the_same_meeting_in_two_calendars_is_one_interaction_and_two_rows() -> None:
    shared = event("a@x.org")
    found = expect([account(events=(shared,)), account(address=OTHER_ME, events=(shared | {"id": "other"},))], NOW)
    assert (found.meetings, found.meeting_interactions) == (2, 1)


NOT_BRIEFED = [
    event("a@x.org", minutes=29.9),
    event("a@x.org", minutes=40),
    event(minutes=35),
    event("no-reply@x.org", minutes=35),
    event(*(f"p{number}@x.org" for number in range(21)), minutes=35),
    event(minutes=35, attendees=[{"email": "a@x.org"}, {"email": ME, "self": True, "responseStatus": "declined"}]),
]


@pytest.mark.parametrize("what", NOT_BRIEFED)
def test_a_meeting_without_reason_for_a_brief_gets_none(what: Resource) -> None:
    assert met(what).preps == 0


@pytest.mark.parametrize("minutes", [30, 35, 39.9])
def test_a_meeting_in_the_window_with_somebody_known_is_briefed(minutes: float) -> None:
    earlier, later = event("a@x.org", identifier="earlier"), event("a@x.org", identifier="later", minutes=9_999)
    assert met(event("a@x.org", minutes=minutes), earlier).preps == 1
    assert met(event("a@x.org", minutes=minutes), later).preps == 0, "only invited"
    assert met(event("a@x.org", minutes=minutes), earlier, contact_creation="none").preps == 0


@pytest.mark.parametrize(
    ("messages", "people", "preps"),
    [
        ((mail(From="a@x.org"),), (), 1),
        ((mail(From=ME, To="b@x.org, a@x.org"),), (), 1),
        ((mail(From="b@x.org", To=f"{ME}, a@x.org"),), (), 0),  # both of us were on it, no more
        ((mail(From="a@x.org", Precedence="bulk"),), (), 0),
        ((), (person(1, emails=("a@x.org",)),), 1),
        ((mail(From="home@x.org"),), (person(1, emails=("a@x.org", "home@x.org")),), 1),
        ((), (), 0),
    ],
)
def test_a_guest_is_known_by_a_past_that_counts_or_by_a_card(
    messages: tuple[Resource, ...], people: tuple[Resource, ...], preps: int
) -> None:
    data = account(*messages, people=people, events=(event("a@x.org", minutes=35),))
    assert expect([data], NOW).preps == preps


def test_the_optimum_reads_single_messages_alone_and_threads_whole() -> None:
    messages = [mail(number, thread="long") for number in range(4)] + [mail(9), mail(10, labels=("SPAM",))]
    assert gmail_optimum(account(*messages), NOW) == {"requests": 4, "units": 1 + 5 + 40 + 20}
    assert gmail_optimum(account(), NOW) == {"requests": 2, "units": 6}
