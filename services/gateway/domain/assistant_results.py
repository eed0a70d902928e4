"""What the tools of assistants return: people, timelines, meetings and mail, short, with the texts of others marked. Pure.

Each list is so short, and each text so bounded, that no result is longer than RESULT_CHARACTERS; a test builds the longest.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from libs.common.events import Answer
from libs.common.ids import ContactId, MeetingId
from libs.common.requests import Brief, Contact, ContactSummary, Direction, Interaction, Label, Why
from services.gateway.domain.handle_texts import handles
from services.gateway.domain.meetings import MeetingView, skip_words
from services.gateway.domain.quoted import Quoted, Result, bounded, quote
from services.gateway.domain.relationship_texts import going_cold_text, part_texts, relationship_line

MOST_PEOPLE, MOST_LINES, MOST_MEETINGS, MOST_ACCOUNTS = 20, 20, 12, 10
"""In one result; the first three are also the largest `limit` of their tools."""
_EMAILS, _PHONES, _HANDLES, _URLS, _TAGS, _LINE_PEOPLE, _GUESTS, _TIMELINES = 3, 5, 10, 5, 20, 5, 10, 5
_NAME, _TITLE, _TEXT, _BIO, _URL, _NOTES, _BRIEF, _SENTENCE = 120, 200, 600, 500, 200, 4_000, 12_000, 600


class PersonLine(BaseModel):
    """A person in a list. `score` is 0 to 10; `relationship` is Strong from 7, Warm from 4, else Cold."""

    person_id: ContactId
    name: Quoted | None
    emails: list[Quoted]
    company: Quoted | None = None
    job_title: Quoted | None = None
    relationship: Label
    score: int
    last_contact: datetime | None = None
    next_meeting: datetime | None = None
    going_cold: str | None = Field(None, description="Why the relationship is going cold, where it is.")


class PeopleFound(Result):
    people: list[PersonLine]
    next_cursor: str | None = Field(None, description="Call again with it for more.")


class ScorePart(BaseModel):
    part: str
    points: int
    of: int
    why: str


class PersonShown(Result):
    """A person. `relationship_in_words` and `score_parts` explain the score."""

    person: PersonLine
    relationship_in_words: str | None = None
    score_parts: list[ScorePart]
    phones: list[Quoted]
    handles: list[Quoted]
    tags: list[Quoted]
    urls: list[Quoted]
    bios: dict[str, Quoted]
    notes: Quoted | None = None
    birthday: str | None = None
    interactions: int
    first_contact: datetime | None = None


class TimelineLine(BaseModel):
    """`direction`: inbound, they wrote it; outbound, the user did; participant, somebody else to both; mutual, a meeting or a note."""

    at: datetime
    platform: str
    direction: Direction
    title: Quoted | None = None
    text: Quoted | None = None
    people: list[Quoted]
    people_total: int
    automated: bool | None = Field(None, description="Sent by a machine or a list; counts nowhere.")


class TimelinePage(Result):
    """Newest first; what is still ahead comes before what is past."""

    lines: list[TimelineLine]
    next_cursor: str | None = Field(None, description="Call again with it for what is older.")


class GuestLine(BaseModel):
    who: Quoted
    answer: Answer


class MeetingLine(BaseModel):
    """`starts` and `ends` are in the user's time zone. All-day: `first_day` and the days before `day_after_last` count."""

    meeting_id: MeetingId
    title: Quoted | None = None
    starts: str
    ends: str
    first_day: date | None = None
    day_after_last: date | None = None
    place: Quoted | None = None
    guests: list[GuestLine]
    guests_total: int
    my_answer: Answer
    private: bool | None = None
    brief: str = Field(description="What became of the brief that is mailed before it.")


class MeetingsFound(Result):
    time_zone: str
    meetings: list[MeetingLine]
    next_cursor: str | None = Field(None, description="Call again with it for later ones.")


class BriefShown(Result):
    subject: Quoted | None
    text: Quoted | None
    talking_points_by: Literal["a language model", "the facts alone"]


class TimelineOf(BaseModel):
    person_id: ContactId
    name: Quoted | None


class MailAnswer(BaseModel):
    """What happened to the mail in one account. `state`: recorded means that it is here."""

    account: str
    state: str
    explanation: str
    rule: str | None = None
    at: datetime | None = None
    on_timelines_of: list[TimelineOf]


class MailExplained(Result):
    answers: list[MailAnswer]


class NoteAdded(BaseModel):
    """The note as it is kept."""

    note_id: UUID
    at: datetime


def person_line(person: ContactSummary, now: datetime, zone: ZoneInfo) -> PersonLine:
    return PersonLine(
        person_id=person.id,
        name=quote(person.name, _NAME),
        emails=_quoted(person.emails[:_EMAILS], _NAME),
        company=quote(person.company, _NAME),
        job_title=quote(person.title, _NAME),
        relationship=person.label,
        score=person.score,
        last_contact=person.last_interaction_at,
        next_meeting=person.next_meeting_at,
        going_cold=going_cold_text(person, now, zone) or None,
    )


def person_shown(person: Contact, now: datetime, zone: ZoneInfo) -> PersonShown:
    bios = {platform: quoted for platform, bio in person.bios.items() if (quoted := quote(bio, _BIO))}
    return PersonShown(
        person=person_line(person, now, zone),
        relationship_in_words=relationship_line(person, now, zone) or None,
        score_parts=[
            ScorePart(part=part.name, points=part.points, of=part.most, why=part.sentence)
            for part in part_texts(person, now, zone)
        ],
        phones=_quoted((phone.shown for phone in person.phones[:_PHONES]), _NAME),
        handles=_quoted((handle.line for handle in handles(person.identities[:_HANDLES])), _NAME),
        tags=_quoted(person.tags[:_TAGS], _NAME),
        urls=_quoted(person.urls[:_URLS], _URL),
        bios=bios,
        notes=quote(person.notes, _NOTES),
        birthday=person.birthday or None,
        interactions=person.interactions,
        first_contact=person.first_interaction_at,
    )


def timeline_line(line: Interaction) -> TimelineLine:
    return TimelineLine(
        at=line.occurred_at,
        platform=line.platform,
        direction=line.direction,
        title=quote(line.title, _TITLE),
        text=quote(line.text, _TEXT),
        people=_quoted((person.name or person.address for person in line.people[:_LINE_PEOPLE]), _NAME),
        people_total=max(line.people_total, len(line.people)),
        automated=True if line.automated else None,
    )


def meeting_line(meeting: MeetingView, zone: ZoneInfo) -> MeetingLine:
    others = [guest for guest in meeting.guests if not guest.me and not guest.resource]
    return MeetingLine(
        meeting_id=meeting.id,
        title=quote(meeting.title, _TITLE),
        starts=meeting.starts_at.astimezone(zone).isoformat(timespec="minutes"),
        ends=meeting.ends_at.astimezone(zone).isoformat(timespec="minutes"),
        first_day=meeting.start_date,
        day_after_last=meeting.end_date,
        place=quote(meeting.place, _TITLE),
        guests=[
            GuestLine(who=quoted, answer=guest.answer)
            for guest in others[:_GUESTS]
            if (quoted := quote(guest.name or guest.address, _NAME))
        ],
        guests_total=meeting.guests_total - (len(meeting.guests) - len(others)),
        my_answer=meeting.my_answer,
        private=True if meeting.private else None,
        brief=_brief_state(meeting),
    )


def brief_shown(brief: Brief) -> BriefShown:
    return BriefShown(
        subject=quote(brief.subject, _TITLE),
        text=quote(brief.text, _BRIEF),
        talking_points_by="a language model" if brief.ai else "the facts alone",
    )


def mail_explained(answers: Sequence[tuple[str, Why]]) -> MailExplained:
    """What each account answers, with its address; where one knows the mail, only those that do."""
    known = [answer for answer in answers if answer[1].state != "unknown"] or answers
    return MailExplained(answers=[_mail_answer(address, why) for address, why in known])


def _mail_answer(address: str, why: Why) -> MailAnswer:
    return MailAnswer(
        account=address,
        state=why.state,
        explanation=bounded(why.explanation, _SENTENCE),
        rule=why.rule or None,
        at=why.occurred_at,
        on_timelines_of=[
            TimelineOf(person_id=person.id, name=quote(person.name, _NAME)) for person in why.contacts[:_TIMELINES]
        ],
    )


def _brief_state(meeting: MeetingView) -> str:
    if meeting.prep is None:
        return "not sent yet"
    words = f"{meeting.prep.state}: {skip_words(meeting.prep.reason)}" if meeting.prep.reason else meeting.prep.state
    return bounded(words, _SENTENCE)


def _quoted(texts: Iterable[str], most: int) -> list[Quoted]:
    return [quoted for text in texts if (quoted := quote(text, most))]
