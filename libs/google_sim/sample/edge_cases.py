"""Mail that is no conversation between two people, a few of each kind that a mail program has to tell apart."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from libs.google_sim.sample.compose import Address, Letter
from libs.google_sim.sample.conversations import SPAM
from libs.google_sim.sample.people import MAYA, PEOPLE, PERSONAL, WORK, WORK_ALIAS, named

Delivery = tuple[Letter, str, Sequence[str]]

_CHOIR = ("Kammarkören", "kammarkoren@googlegroups.com")
_INVITED = ("Priya Raman", "Grace Kim", "Olivia Brandt", "Tomás Oliveira", "Rebecca Stone", "Noor van Dijk")


class MailboxDraft(Protocol):
    """The mailbox that is being written: its clock, and its next Message-ID."""

    now: datetime

    def message_id(self, domain: str) -> str: ...


def edge_cases(draft: MailboxDraft) -> Iterator[Delivery]:
    """Each as a letter, the account that gets it, and its labels there."""
    yield from _spam_and_trash(draft)
    yield from _unsent(draft)
    yield from _through_a_list(draft)
    yield from _invitations(draft)
    yield from _to_many(draft)
    yield from _from_the_mail_system(draft)


def _letter(
    draft: MailboxDraft,
    days: float,
    sender: Address,
    to: Sequence[Address],
    subject: str,
    text: str,
    headers: Sequence[tuple[str, str]] = (),
    mime_type: str = "text/plain",
) -> Letter:
    return Letter(
        sent=draft.now - timedelta(days=days),
        sender=sender,
        to=to,
        subject=subject,
        text=text,
        message_id=draft.message_id(sender[1].rpartition("@")[2]),
        headers=headers,
        mime_type=mime_type,
    )


def _spam_and_trash(draft: MailboxDraft) -> Iterator[Delivery]:
    for number, (subject, text) in enumerate(SPAM):
        sender = ("Customer Service", f"service{number}@parcel-status-{number}.example")
        account = (PERSONAL, WORK)[number % 2]
        yield _letter(draft, 2 + 4 * number, sender, [("", account)], subject, text), account, ["SPAM"]
    for number, subject in enumerate(("Old flat advert", "Re: sofa still available?", "Voucher, expired")):
        sender = ("Blocket seller", f"seller{number}@blocket-mail.example")
        text = "Thanks, but it was sold this morning. Good luck with the search!"
        yield _letter(draft, 20 + 9 * number, sender, [(MAYA, PERSONAL)], subject, text), PERSONAL, ["TRASH"]


def _unsent(draft: MailboxDraft) -> Iterator[Delivery]:
    carter = named("Ben Carter")
    for number, subject in enumerate(("Notes for the pitch", "Holiday plans", "")):
        text = "Remember to mention the museum project, and ask for" if number == 0 else ""
        account = (WORK, PERSONAL)[number % 2]
        to = [(carter.name, carter.address)] if number == 0 else []
        yield _letter(draft, 1 + number, (MAYA, account), to, subject, text), account, ["DRAFT"]
    for number, text in enumerate(("on my way, 5 min", "can you open the door?")):
        jonas = named("Jonas Bergström")
        yield _letter(draft, 12 + number, (jonas.name, jonas.address), [(MAYA, WORK)], "", text), WORK, ["CHAT"]


def _through_a_list(draft: MailboxDraft) -> Iterator[Delivery]:
    """A choir on Google Groups: list mail, some with the author's name put before the list's address."""
    headers = (
        ("List-Id", "<kammarkoren.googlegroups.com>"),
        ("Precedence", "list"),
        ("List-Unsubscribe", "<mailto:kammarkoren+unsubscribe@googlegroups.com>"),
    )
    solheim = named("Ingrid Solheim")
    for number, subject in enumerate(("Noter till våren", "Generalrepetition", "Kyrkan är bokad", "Fika i paus")):
        text = "Hej alla! Noterna ligger i mappen. Kom gärna en kvart tidigare så hinner vi sjunga upp."
        sender = (f"{solheim.name} via Kammarkören", _CHOIR[1]) if number % 2 else (solheim.name, solheim.address)
        extra = (("X-Original-From", f"{solheim.name} <{solheim.address}>"),) if number % 2 else ()
        yield (
            _letter(draft, 15 + 40 * number, sender, [_CHOIR], subject, text, (*headers, *extra)),
            PERSONAL,
            ["INBOX", "CATEGORY_FORUMS"],
        )
    munged = ("'Wim de Boer' via Studio Alumni", "alumni@studio-alumni.example")
    yield (
        _letter(
            draft,
            33,
            munged,
            [("Alumni", "alumni@studio-alumni.example")],
            "Reunion in May?",
            "Who is in town in the second week of May? I would happily organise a dinner.",
        ),
        WORK,
        ["INBOX"],
    )
    question = _letter(
        draft,
        60,
        ("Anders Holm", "anders.holm@typmail.example"),
        [("Typlista", "typ@typlista.example")],
        "Which revival of Berling?",
        "Which digital Berling do you trust for long texts?",
        (("List-Id", "<typ.typlista.example>"),),
    )
    yield question, WORK, ["INBOX", "CATEGORY_FORUMS"]
    reply = Letter(
        sent=question.sent + timedelta(hours=3),
        sender=(MAYA, WORK),
        to=[question.sender, *question.to],
        subject=f"Re: {question.subject}",
        text="The one from 2012, with the small sizes drawn on their own. I can send you a specimen.",
        message_id=draft.message_id("lindqvist-studio.example"),
        references=(question.message_id,),
    )
    yield reply, WORK, ["SENT"]


def _invitations(draft: MailboxDraft) -> Iterator[Delivery]:
    for number, name in enumerate(_INVITED):
        person = named(name)
        text = f"{person.name} has invited you to a meeting. Yes · Maybe · No · More options"
        letter = _letter(
            draft,
            9 + 21 * number,
            (person.name, person.address),
            [(MAYA, WORK)],
            f"Invitation: Catch-up with {person.given}",
            text,
            (("Sender", "Google Calendar <calendar-notification@google.com>"),),
            "multipart/mixed",
        )
        yield letter, WORK, ["INBOX"]
    request = _letter(
        draft,
        44,
        ("Front Desk", "frontdesk@coworking-soder.example"),
        [(MAYA, WORK_ALIAS)],
        "Booking: room Tranan",
        "BEGIN:VCALENDAR",
        (),
        "text/calendar",
    )
    yield request, WORK, ["INBOX"]


def _to_many(draft: MailboxDraft) -> Iterator[Delivery]:
    """A circular to more people than one knows, a mail without a name, one to a tagged address, one bare of all."""
    guests = [(f"Guest {number}", f"guest{number:02}@openstudios.example") for number in range(1, 31)]
    host = ("Open Studios", "karl@openstudios.example")
    yield (
        _letter(
            draft,
            52,
            host,
            [(MAYA, WORK), *guests],
            "Open Studios: who brings chairs?",
            "Dear all, we are thirty this year. Please answer with the number of chairs you can bring.",
        ),
        WORK,
        ["INBOX"],
    )
    yield (
        _letter(
            draft,
            71,
            ("", "k.berg@granngarden.example"),
            [("", "Maya.Lindqvist+blocket@gmail.com")],
            "Bokhyllan",
            "Hej! Finns bokhyllan kvar? Jag kan hämta i kväll.",
        ),
        PERSONAL,
        ["INBOX"],
    )
    away = named("Marcus Hale")
    yield (
        _letter(
            draft,
            25,
            (away.name, away.address),
            [(MAYA, WORK)],
            "Automatic reply: Next steps",
            "I am on an assignment until the 14th and read mail once a day.",
            (("Auto-Submitted", "auto-replied"),),
        ),
        WORK,
        ["INBOX"],
    )
    everyone = [(person.name, person.address) for person in PEOPLE if person.home == "personal"][:9]
    yield (
        _letter(
            draft,
            95,
            (MAYA, PERSONAL),
            everyone,
            "New address from the first of the month",
            "Dear friends, I am moving three streets further. The kettle is already there, come and visit!",
        ),
        PERSONAL,
        ["SENT"],
    )
    yield (
        _letter(draft, 40, (MAYA, PERSONAL), [(MAYA, WORK)], "Note to self", "Scan the sketchbook, pages 12 to 20."),
        PERSONAL,
        ["SENT"],
    )


def _from_the_mail_system(draft: MailboxDraft) -> Iterator[Delivery]:
    yield (
        _letter(
            draft,
            29,
            ("Mail Delivery Subsystem", "mailer-daemon@googlemail.com"),
            [("", PERSONAL)],
            "Delivery Status Notification (Failure)",
            "Your message to carmen@old-address.example was not delivered: the address was not found.",
            (("Return-Path", "<>"),),
            "multipart/report",
        ),
        PERSONAL,
        ["INBOX"],
    )
    yield (
        _letter(
            draft,
            3,
            (MAYA, WORK),
            [(MAYA, WORK)],
            "Meeting prep: Portfolio review in 34 minutes",
            "Portfolio review, 45 minutes, video call.",
            (("X-PingCRM-Prep", "sample"),),
        ),
        WORK,
        ["INBOX", "SENT"],
    )
