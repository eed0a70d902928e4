"""What prep requests of the other services: of whom, page by page, and what it makes of a refusal. The bus is a plain value."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from libs.common.claude import Claude
from libs.common.config import Settings
from libs.common.errors import Refused, not_found
from libs.common.events import Meeting
from libs.common.ids import AccountId, MeetingId, UserId, new_id
from libs.common.preferences import GmailPreferences, Preferences
from libs.common.requests import (
    Accounts,
    Attendee,
    Attendees,
    DryRunPreps,
    GetAttendees,
    GetMeeting,
    GetSettings,
    ListAccounts,
    ListMeetings,
    Meetings,
    PreviewPrep,
    UserPreferences,
)
from services.prep import gathering
from services.prep.context import Context
from services.prep.domain.dossier import INTERACTIONS_REQUESTED
from services.prep.domain.rules import MAX_GUESTS
from services.prep.gathering import (
    ADDRESSES_PER_REQUEST,
    Owner,
    gather,
    get_attendees_by_address,
    get_current_meeting,
    get_owner,
    get_people,
    list_meetings,
)
from services.prep.handlers.dry_runs import dry_run
from services.prep.handlers.previews import preview
from tests.support.meetings import ACCOUNT_ID, ME, MEETING_ID, NOW, USER_ID, account, guest, known, me, meeting, unknown
from tests.support.plain_bus import PlainBus

ADA = "ada@lovelace.example"
OWNER = Owner((account(),), GmailPreferences(), frozenset({ME.replace(".", "", 1)}))


def refusing(status: int) -> Any:
    def refuse(_: object) -> object:
        raise Refused(status, "no", "No.")

    return refuse


def bus(**answers: Any) -> PlainBus:
    """Everybody answers for the user of the examples; `answers` by the name of the request, in place of that."""
    preferences = Preferences(gmail=GmailPreferences(own_addresses=("Sam@Work.example",), time_zone="Asia/Kathmandu"))
    usual: dict[type, Any] = {
        GetSettings: lambda _: UserPreferences(version=1, preferences=preferences),
        ListAccounts: lambda _: Accounts(
            items=(account(), account(id=AccountId(new_id()), address="s.r@example.org", name="Sam R."))
        ),
        GetMeeting: lambda _: meeting(),
        GetAttendees: lambda query: Attendees(items=tuple(known(address) for address in query.addresses)),
        ListMeetings: lambda _: Meetings(items=()),
    }
    return PlainBus("prep", {kind: answers.get(kind.__name__, answer) for kind, answer in usual.items()})


def context(plain: PlainBus) -> Context:
    settings = Settings(public_url="https://crm.example")
    nothing = cast(Any, None)
    return Context(settings, nothing, nothing, plain.as_bus(), nothing, Claude.from_settings(settings))


async def test_the_owner_is_known_by_all_addresses_that_are_theirs() -> None:
    plain = bus()
    owner = await get_owner(plain.as_bus(), USER_ID)
    assert owner is not None
    assert owner.own_addresses == {"samrivera@gmail.com", "sam@work.example", "s.r@example.org"}
    assert owner.account(ACCOUNT_ID) == account()
    assert owner.account(AccountId(new_id())) is None
    assert owner.preferences.time_zone == "Asia/Kathmandu"
    assert plain.requests == [GetSettings(user_id=USER_ID), ListAccounts(user_id=USER_ID)]


@pytest.mark.parametrize("kind", ["GetSettings", "ListAccounts"])
async def test_a_user_who_is_gone_has_no_owner_and_another_refusal_is_none_of_that(kind: str) -> None:
    assert await get_owner(bus(**{kind: refusing(404)}).as_bus(), USER_ID) is None
    with pytest.raises(Refused):
        await get_owner(bus(**{kind: refusing(403)}).as_bus(), USER_ID)


async def test_a_meeting_that_is_gone_is_none_and_another_refusal_is_none_of_that() -> None:
    plain = bus()
    assert await get_current_meeting(plain.as_bus(), USER_ID, MEETING_ID) == meeting()
    assert plain.requests == [GetMeeting(user_id=USER_ID, meeting_id=MEETING_ID)]
    assert await get_current_meeting(bus(GetMeeting=refusing(404)).as_bus(), USER_ID, MEETING_ID) is None
    with pytest.raises(Refused):
        await get_current_meeting(bus(GetMeeting=refusing(403)).as_bus(), USER_ID, MEETING_ID)


@pytest.mark.parametrize(
    "answers",
    [
        {"GetMeeting": refusing(404)},
        {"GetSettings": refusing(404)},
        {"GetMeeting": lambda _: meeting(user_id=UserId(new_id()))},
    ],
    ids=["no meeting", "no user", "another user's meeting"],
)
async def test_a_brief_is_gathered_for_a_users_own_meeting_alone(answers: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await gather(bus(**answers).as_bus(), USER_ID, MEETING_ID)
    assert (refused.value.status, refused.value.code) == (404, "not_found")


async def test_a_brief_is_gathered_with_its_people_in_the_zone_of_its_reader() -> None:
    found = await gather(bus().as_bus(), USER_ID, MEETING_ID)
    assert (found.meeting, found.account) == (meeting(), account())
    assert [person.name for person in found.dossier.people] == ["Ada Lovelace"]
    assert str(found.dossier.zone) == "Asia/Kathmandu"
    assert found.dossier.reader == ("Sam R.", "Sam Rivera")


async def test_people_are_requested_with_their_last_interactions_as_of_now_and_without_me() -> None:
    plain = bus()
    people = await get_people(plain.as_bus(), meeting(), OWNER, NOW)
    assert [(invited.address, attendee.name) for invited, attendee in people.pairs] == [(ADA, "Ada Lovelace")]
    assert plain.requests == [GetAttendees(user_id=USER_ID, addresses=(ADA,), now=NOW, last=INTERACTIONS_REQUESTED)]


@pytest.mark.parametrize(("count", "requested"), [(0, 0), (MAX_GUESTS, 1), (MAX_GUESTS + 1, 0)])
async def test_people_of_a_meeting_that_is_too_large_are_only_counted(count: int, requested: int) -> None:
    plain = bus()
    guests = tuple(guest(f"guest{number}@example.org") for number in range(count))
    people = await get_people(plain.as_bus(), meeting(guests=(me(), *guests)), OWNER, NOW)
    assert len(people.pairs) == count
    assert len(plain.requests) == requested


# -- many ------------------------------------------------------------------------------------------------------------------


def pages(*items: tuple[Meeting, ...]) -> Any:
    """Answers page by page, and only with the cursor of the page before."""

    def page(query: ListMeetings) -> Meetings:
        number = int(query.cursor or 0)
        following = str(number + 1) if number + 1 < len(items) else None
        return Meetings(items=items[number], next_cursor=following)

    return page


def numbered(number: int, **fields: Any) -> Meeting:
    return meeting(event_id=f"event{number}", meeting_id=MeetingId(new_id()), **fields)


async def test_meetings_are_listed_to_the_last_page_each_once() -> None:
    first, second, third = numbered(1), numbered(2), numbered(3)
    again = first.model_copy(update={"meeting_id": MeetingId(new_id())})
    others = (
        first.model_copy(update={"account_id": AccountId(new_id())}),
        first.model_copy(update={"starts_at": first.starts_at + timedelta(hours=1)}),
    )
    plain = bus(ListMeetings=pages((first, second), (), (again, *others, third)))
    start, end = NOW - timedelta(days=30), NOW
    assert await list_meetings(plain.as_bus(), USER_ID, start, end) == [first, second, *others, third]
    assert plain.requests == [
        ListMeetings(user_id=USER_ID, start=start, end=end, cursor=cursor) for cursor in (None, "1", "2")
    ]


async def test_there_is_an_end_to_the_meetings_that_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "MOST_MEETINGS", 4)
    plain = bus(ListMeetings=pages(*((numbered(2 * number), numbered(2 * number + 1)) for number in range(9))))
    assert len(await list_meetings(plain.as_bus(), USER_ID, NOW, NOW)) == 4
    assert len(plain.requests) == 2


async def test_many_addresses_are_requested_in_chunks_each_once_and_without_interactions() -> None:
    plain = bus(GetAttendees=lambda query: Attendees(items=tuple(unknown(address) for address in query.addresses)))
    addresses = [f"guest{number}@example.org" for number in range(2 * ADDRESSES_PER_REQUEST + 1)]
    spelled = [address.upper() for address in addresses[:3]]
    found = await get_attendees_by_address(plain.as_bus(), USER_ID, [*addresses, *spelled, *addresses], NOW)
    assert {address: attendee.address.lower() for address, attendee in found.items()} == {
        address: address.lower() for address in (*addresses, *spelled)
    }
    requested = plain.requested(GetAttendees)
    assert [len(query.addresses) for query in requested] == [ADDRESSES_PER_REQUEST, ADDRESSES_PER_REQUEST, 1]
    assert {(query.user_id, query.now, query.last) for query in requested} == {(USER_ID, NOW, 0)}


async def test_nobody_is_requested_where_there_is_nobody() -> None:
    plain = bus()
    assert await get_attendees_by_address(plain.as_bus(), USER_ID, [], NOW) == {}
    assert plain.requests == []


# -- handlers that only read -----------------------------------------------------------------------------------------------


async def test_a_dry_run_goes_back_so_many_days_and_knows_each_account_and_guest() -> None:
    away = AccountId(new_id())
    past = NOW - timedelta(days=2)
    met = (
        numbered(1, starts_at=past),
        numbered(2, starts_at=past, guests=(me(), guest("stranger@elsewhere.example"))),
        numbered(3, starts_at=past, account_id=away),
        numbered(4, starts_at=past, guests=(me(), guest("sam@work.example"))),
    )

    def attendees(query: GetAttendees) -> Attendees:
        by_address: dict[str, Attendee] = {ADA: known(first_contact_at=past - timedelta(days=1))}
        return Attendees(items=tuple(by_address.get(address, unknown(address)) for address in query.addresses))

    plain = bus(ListMeetings=pages(met), GetAttendees=attendees)
    run = await dry_run(context(plain), DryRunPreps(user_id=USER_ID, days=7))
    assert [(line.meeting_id, line.would_send, line.reason) for line in run.items] == [
        (met[0].meeting_id, True, ""),
        (met[1].meeting_id, False, "nobody_known"),
        (met[2].meeting_id, False, "disconnected"),
        (met[3].meeting_id, False, "no_guests"),
    ]
    (listed,) = plain.requested(ListMeetings)
    assert listed.user_id == USER_ID
    assert listed.end - listed.start == timedelta(days=7)
    assert abs(listed.end - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_dry_run_of_a_user_who_is_gone_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        await dry_run(context(bus(GetSettings=refusing(404))), DryRunPreps(user_id=USER_ID, days=7))
    assert refused.value.status == not_found("user").status


async def test_a_preview_is_the_brief_of_a_users_own_meeting_as_of_now() -> None:
    starts_at = datetime.now(UTC) + timedelta(minutes=35)
    plain = bus(GetMeeting=lambda _: meeting(starts_at=starts_at))
    brief = await preview(context(plain), PreviewPrep(user_id=USER_ID, meeting_id=MEETING_ID))
    assert brief.subject == "Meeting prep: Pricing review in 35 minutes"
    assert (brief.meeting_id, brief.ai) == (MEETING_ID, False)
    assert "https://crm.example/" in brief.html
    assert plain.requested(GetMeeting) == [GetMeeting(user_id=USER_ID, meeting_id=MEETING_ID)]
