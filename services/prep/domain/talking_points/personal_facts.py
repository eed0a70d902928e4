"""What a friend would mention about one guest. Pure.

A fact is stated as it is on record ("no answer from you is on record"), and only where nothing known speaks against it: whoever has
written or met since may have settled what was open, so it is not mentioned any more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from libs.common.birthdays import read_birthday
from libs.common.requests import FormerWork
from services.prep.domain.clean import line, unlinked, without_links
from services.prep.domain.dossier import Dossier, PastInteraction, Profile, is_other_name
from services.prep.domain.talking_points.fact import Fact, Kind, is_other_title, is_reply, quoted, topic_of
from services.prep.domain.talking_points.sentences import (
    ANYBODY,
    brings,
    gist,
    has_received,
    is_short,
    longest_run,
    names_in,
    plain,
    promises,
    questions,
    shared_words,
    wants,
)
from services.prep.domain.times import ago, counted, for_days

OPEN_DAYS, PROMISE_DAYS, NOTE_DAYS, WORK_DAYS = 60, 180, 365, 365
"""For so long a question, a promise, a note and a change of work are worth mentioning."""
SILENCE_DAYS, MESSAGE_DAYS, MET_DAYS = 90, 60, 5
"""From when on silence is, until when a message is, and from when on the last meeting is."""
ANSWER_DAYS = 2
"""So long nobody is expected to answer."""
BIRTHDAY_AHEAD, BIRTHDAY_PAST = 7, 2
SUBJECT = 80


@dataclass(frozen=True)
class Reading:
    """One guest's interactions, read at `now`."""

    person: Profile
    dossier: Dossier
    now: datetime

    @property
    def written(self) -> tuple[PastInteraction, ...]:
        """What was written between the two, the newest first."""
        return tuple(past for past in self.person.interactions if not past.is_meeting and not past.is_note)

    def names_meant(self, past: PastInteraction) -> frozenset[str]:
        """How the one of the two who got a mail may be called in it. Where nobody else had it, or no name is known: anyhow."""
        if not past.to_others:
            return ANYBODY
        return names_in(*([self.person.name] if past.direction == "outbound" else self.dossier.reader))

    def age(self, past: PastInteraction) -> int:
        """In whole days."""
        return (self.now - past.at).days

    def ago(self, at: datetime) -> str:
        return ago(at, self.now, self.dossier.zone)

    def later(self, past: PastInteraction, direction: str) -> tuple[PastInteraction, ...]:
        """What was written in this direction since."""
        return tuple(other for other in self.written if other.direction == direction and other.at > past.at)

    def met_since(self, past: PastInteraction) -> bool:
        """Whether they had a talk since at which it may have come up: not one of a series, where there is no time for it."""
        return any(met.is_meeting and met.times == 1 and met.at > past.at for met in self.person.interactions)


def facts_about(reading: Reading) -> Iterator[Fact]:
    """All of them; none about somebody without a history."""
    person = reading.person
    if person.not_recorded or not person.known:
        return
    stated = [
        *_waiting_for_me(reading),
        *_promised(reading),
        *_waiting_for_them(reading),
        *_news(reading),
        *_silence(reading),
    ]
    yield from stated
    yield from _last_written(reading, stated)
    yield from _last_met(reading)


def _waiting_for_me(reading: Reading) -> Iterator[Fact]:
    """The newest mail in which they asked or wanted something and to which nothing was answered, in its thread or elsewhere."""
    for past in reading.written:
        if past.direction != "inbound" or not past.to_me or reading.age(past) > OPEN_DAYS:
            continue
        if not _is_open(reading, past) or reading.later(past, "outbound") or reading.met_since(past):
            continue
        names = reading.names_meant(past)
        asked = questions(past.body, names) or (questions(past.title, names) if not is_reply(past.title) else ())
        wanted = wants(past.body, names)
        verb, words = ("asked", max(asked, key=len)) if asked else ("wrote", wanted[0] if wanted else "")
        if words:
            when = f"{reading.ago(past.at)}{_topic_of_short(past, words)}"
            text = f"{reading.person.name} {verb} {when}: {quoted(words)} No answer from you is on record."
            yield _fact("question" if asked else "want", reading.person, text, past)
            return


def _is_open(reading: Reading, past: PastInteraction) -> bool:
    """Where a platform has no threads, what was written there last is open."""
    if past.open:
        return True
    return not past.thread and past.platform != "Email" and not reading.later(past, "outbound")


def _promised(reading: Reading) -> Iterator[Fact]:
    """What either of the two has promised and nothing written since shows as done: the newest of each."""
    name = reading.person.name
    for direction, kind in (("outbound", "promise"), ("inbound", "their_promise")):
        for past in reading.written:
            words = promises(past.body) if past.direction == direction else ()
            if not words or reading.age(past) > PROMISE_DAYS or reading.met_since(past):
                continue
            if (direction == "inbound" and not past.to_me) or _is_kept(reading, past, words[0]):
                continue
            when, quote = f"{reading.ago(past.at)}{_topic_of_short(past, words[0])}", quoted(words[0])
            silent = not reading.later(past, direction)
            if kind == "promise":
                end = " Nothing from you is on record since." if silent else " Is that done?"
                yield _fact("promise", reading.person, f"You promised {name} {when}: {quote}{end}", past)
            else:
                end = f" Nothing from {name} is on record since." if silent else ""
                yield _fact("their_promise", reading.person, f"{name} promised {when}: {quote}{end}", past)
            break


def _is_kept(reading: Reading, past: PastInteraction, words: str) -> bool:
    """Whether something speaks for the promise being kept: its writer wrote again in the thread, or brings something, or anybody
    comes back to what it is about.
    """
    answer = "inbound" if past.direction == "outbound" else "outbound"
    for other in reading.later(past, past.direction):
        same_thread = bool(past.thread) and other.thread == past.thread
        if same_thread or brings(other.body) or shared_words(words, f"{other.title} {other.body}"):
            return True
    return any(has_received(other.body) for other in reading.later(past, answer))


def _waiting_for_them(reading: Reading) -> Iterator[Fact]:
    """The newest question of mine on which nothing came back, from them or in its thread."""
    for past in reading.written:
        if (
            past.direction != "outbound"
            or not ANSWER_DAYS <= reading.age(past) <= OPEN_DAYS
            or not _is_open(reading, past)
        ):
            continue
        asked = questions(past.body, reading.names_meant(past))
        if asked and not reading.later(past, "inbound") and not reading.met_since(past):
            words = max(asked, key=len)
            when = f"{reading.ago(past.at)}{_topic_of_short(past, words)}"
            text = f"You asked {reading.person.name} {when}: {quoted(words)} No answer is on record."
            yield _fact("unanswered", reading.person, text, past)
        return


def _news(reading: Reading) -> Iterator[Fact]:
    """What has changed about them, and what the reader noted of them."""
    person, dossier, now = reading.person, reading.dossier, reading.now
    if person.former_work and _is_new(person, now):
        yield _fact("new_work", person, _new_work(person, person.former_work))
    note = next((past for past in person.interactions if past.is_note and past.text), None)
    if note and reading.age(note) <= NOTE_DAYS:
        yield _fact("note", person, f"You noted about {person.name} {reading.ago(note.at)}: {quoted(note.text)}", note)
    if when := birthday_text(person.birthday, now.astimezone(dossier.zone).date()):
        yield _fact("birthday", person, f"The birthday of {person.name} {when}.")


def _is_new(person: Profile, now: datetime) -> bool:
    """Whether the reader has not met them since their work became another, and that was not long ago."""
    former, met = person.former_work, person.last_met_at
    if former is None or (met and met > former.changed_at):
        return False
    return (now - former.changed_at).days <= WORK_DAYS


def _new_work(person: Profile, former: FormerWork) -> str:
    since = "New since you last met" if person.last_met_at else "New"
    if is_other_name(former.company, person.company):
        role = f" ({person.title})" if person.title else ""
        return f"{since}: {person.name} is at {person.company}{role}; before that at {former.company}."
    return f"{since}: {person.name} is {person.title}; before that {former.title}."


def is_first_meeting(reading: Reading) -> bool:
    """Whether the two have written to each other and never met: all that there ever was between them was looked at."""
    person = reading.person
    return bool(person.known and reading.written and not person.met_before and person.history_complete)


def _silence(reading: Reading) -> Iterator[Fact]:
    """That the two have not been in touch for long."""
    person = reading.person
    newest = max(person.interactions, key=lambda past: past.at, default=None)
    silent = (reading.now - person.last_contact_at).days if person.last_contact_at else 0
    if newest and silent > SILENCE_DAYS:
        about = _about(newest)
        text = f"You have not been in touch with {person.name} for {for_days(silent)}{f'; the last was {about}' if about else ''}."
        yield _fact("silence", person, text, newest)


def _last_written(reading: Reading, stated: Sequence[Fact]) -> Iterator[Fact]:
    """What the two wrote last, without what was `stated` of it."""
    person = reading.person
    written = (past for past in reading.written if past.direction in ("inbound", "outbound"))
    message = next((past for past in written if gist(past.body)), None)
    if not message or reading.age(message) > MESSAGE_DAYS:
        return
    about = [fact.text for fact in stated if message.label in fact.evidence]
    words = longest_run(message.body, lambda sentence: _is_in(sentence, about)) if about else gist(message.body)
    if not words:
        return
    also, when = (" also", "") if about else ("", f" {reading.ago(message.at)}")
    wrote = f"{person.name}{also} wrote" if message.direction == "inbound" else f"You{also} wrote to {person.name}"
    topic = _in_brackets(message)
    if any(topic in text for text in about):
        topic = ""
    yield _fact("message", person, f"{wrote}{when}{topic}: {quoted(words)}", message)


def _is_in(sentence: str, texts: Sequence[str]) -> bool:
    """Whether one of the texts quotes it, at least its beginning."""
    begin = line(without_links(plain(sentence)), SUBJECT).rstrip("…")
    return any(begin in text for text in texts)


def _topic_of_short(past: PastInteraction, words: str) -> str:
    """For words that say nothing by themselves, what they were written about."""
    return _in_brackets(past) if is_short(words) and words not in past.title else ""


def _in_brackets(past: PastInteraction) -> str:
    return f" ({unlinked(topic, SUBJECT)})" if (topic := topic_of(past.title)) else ""


def _last_met(reading: Reading) -> Iterator[Fact]:
    """When the two met last."""
    person = reading.person
    met = next((past for past in person.interactions if past.is_meeting), None)
    if (
        met
        and met.times == 1
        and met.title
        and reading.age(met) >= MET_DAYS
        and is_other_title(met.title, reading.dossier.title)
    ):
        since = f"; {counted(person.written_since_met, 'message')} since." if person.written_since_met else ""
        yield _fact("met", person, f"You last met {person.name} {reading.ago(met.at)}: {quoted(met.title)}{since}", met)


def birthday_text(written: str, today: date) -> str:
    """`is today`, `is tomorrow`, `is on Friday`, `was yesterday`; empty where it is none of these days, or can't be read."""
    birthday = read_birthday(written)
    if birthday is None:
        return ""
    for days in range(-BIRTHDAY_PAST, BIRTHDAY_AHEAD):
        on = today + timedelta(days=days)
        if (on.month, on.day) == (birthday.month, birthday.day):
            near = {-1: "was yesterday", 0: "is today", 1: "is tomorrow"}
            return near.get(days) or (f"was {-days} days ago" if days < 0 else f"is on {on:%A}")
    return ""


def _about(past: PastInteraction) -> str:
    title = topic_of(past.title) or gist(past.body)
    kind = "a meeting" if past.is_meeting else "about"
    return f"{kind} {quoted(line(title, SUBJECT)).rstrip('.')}" if title else ""


def _fact(kind: Kind, person: Profile, text: str, *rests_on: PastInteraction) -> Fact:
    return Fact(kind, text, (person.address,), tuple(past.label for past in rests_on))
