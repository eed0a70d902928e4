"""Meetings as people have them, for the golden briefs: a crowd, strangers, a first meeting, a stand-up, languages from right to left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.common.events import Guest
from libs.common.ids import ContactId, new_id
from libs.common.requests import Attendee, Colleague, GroupMeeting, GuestInteraction
from services.prep.domain.dossier import Dossier, collect
from tests.support.meetings import NOW, guest, interaction, invited, known, meeting, score

Person = tuple[Guest, Attendee]
AFTER_TALKS = "Thank you for the open talk, it helped us a lot to see where you are."


@dataclass(frozen=True)
class Known:
    """Somebody whom the reader knows; `days`: since the last contact."""

    name: str
    title: str
    company: str
    score: int
    days: float
    last: tuple[GuestInteraction, ...]
    answer: str = "accepted"
    bio: str = ""
    organizer: bool = False

    @property
    def address(self) -> str:
        return f"{self.name.split()[0].lower().replace('ł', 'l')}@{self.company.split()[0].lower()}.example"

    def person(self) -> Person:
        at = NOW - timedelta(days=self.days)
        attendee = known(
            self.address, self.name, title=self.title, company=self.company, score=score(self.score), last=self.last,
            last_contact_at=at, bios={"linkedin": self.bio} if self.bio else {},
            met_before=any(item.platform == "calendar" for item in self.last),
        )  # fmt: skip
        return guest(self.address, self.name, answer=self.answer, organizer=self.organizer), attendee


def met(title: str, days: float, times: int = 1) -> GuestInteraction:
    return interaction(title, days, platform="calendar", kind="meeting", direction="mutual", title=title, times=times)


def eight_guests() -> Dossier:
    """A launch with two companies at the table: questions are open, somebody has declined, somebody is new."""
    kickoff = met("Northwind launch: kick-off", 41)
    asked = interaction(
        "Launch date — Can we hold the 4th of December if the translations come a week later? Our board wants to know on Thursday.",
        2, to_me=True, open=True, thread="launch", people_total=2,
    )  # fmt: skip
    people = [
        Known("Priya Raman", "VP Product", "Northwind Health", 9, 2, (asked, interaction(f"Quick question — {AFTER_TALKS}", 19), kickoff),
              bio="Building calmer software for clinics. Formerly nurse, then engineer.", organizer=True),
        Known("Jonas Bergström", "Head of Design", "Lindqvist Studio", 8, 1, (
            interaction("Final layouts — Here are the final layouts, the icons follow tomorrow.", 1), kickoff)),
        Known("Amara Okafor", "Clinical Lead", "Northwind Health", 6, 12, (
            interaction("Wording — I would not call it “monitoring” in the app; patients read that as surveillance.", 12), kickoff)),
        Known("Łukasz Wiśniewski", "Engineering Manager", "Northwind Health", 5, 30, (
            interaction("API keys — I'll send you the keys for staging by Friday.", 30, direction="outbound", thread="keys"), kickoff)),
        Known("Mei-Ling Chen 陳美玲", "Translations", "Polyglot GmbH", 4, 44, (
            interaction("Übersetzungen — Die taiwanische Fassung ist fertig, bitte prüfen Sie die Überschriften.", 44),)),
        Known("Olivia Brandt", "Legal Counsel", "Northwind Health", 2, 160, (
            interaction("Privacy notice — Attached is the notice with our comments.", 160),), answer="needsAction"),
        Known("Tom Fisher", "Sales", "Northwind Health", 3, 75, (met("Demo for the sales team", 75),), answer="declined"),
    ]  # fmt: skip
    stranger = invited("samira@northwind.example", "Samira Haddad").model_copy(
        update={
            "title": "Product Manager",
            "company": "Northwind Health",
            "colleagues": (
                Colleague(contact_id=ContactId(new_id()), name="Priya Raman", last_contact_at=NOW - timedelta(days=2)),
            ),
        }
    )
    event = meeting(
        title="Northwind launch: final layouts",
        place="Skeppsbron 12, Stockholm",
        video_url="https://meet.example/nwl-launch",
    )
    return collect(event, [*(person.person() for person in people), (guest(stranger.address), stranger)])


def twenty_guests() -> Dossier:
    """As many as get a brief at all."""
    given = (
        "Ada", "Ben", "Cem", "Dana", "Emre", "Fay", "Gil", "Hana", "Ines", "Jan", "Kofi", "Lena", "Maru", "Nils", "Ola", "Pia", "Quinn",
        "Rosa", "Sven", "Tara",
    )  # fmt: skip
    people = [
        Known(
            f"{name} Example", "Engineer", f"Firm{number % 4} Ltd", number % 11, number + 1,
            tuple(interaction(f"Topic {n} of {name} — We should talk about this when we meet.", number + n * 9) for n in range(1, 4)),
            answer=("accepted", "accepted", "needsAction", "tentative", "declined")[number % 5],
        ).person()
        for number, name in enumerate(given)
    ]  # fmt: skip
    return collect(meeting(title="All hands with our partners"), people)


def unknown_guests() -> Dossier:
    strangers: Sequence[Person] = [
        (guest("h.sato@kaneda.example", "佐藤 花子", organizer=True), invited("h.sato@kaneda.example", "佐藤 花子")),
        (guest("m.dubois@kaneda.example"), Attendee(address="m.dubois@kaneda.example")),
        (guest("t.rossi@kaneda.example", "Tiziana Rossi", answer="needsAction"),
         invited("t.rossi@kaneda.example", "Tiziana Rossi", bios={"twitter": "Supply chains, mostly. Opinions mine."})),
    ]  # fmt: skip
    return collect(meeting(title="Introduction: Kaneda", organizer=strangers[0][0]), strangers)


def first_meeting() -> Dossier:
    amara = Known("Amara Okafor", "Founder", "Okafor Textiles", 4, 3, (
        interaction("Coffee? — I'd love to show you the samples that we spoke about. Is Tuesday at three good for you?", 6, thread="c"),
        interaction("Coffee? — Tuesday at three is perfect, see you at the corner table.", 3, direction="outbound", thread="c"),
    ), bio="Weaving what my grandmother wove, with solar looms.")  # fmt: skip
    return collect(meeting(title="Coffee with Amara", place="Café Saturnus, Eriksbergsgatan 6"), [amara.person()])


def stand_up() -> Dossier:
    """The meeting of every day, with people of whom the reader hears all the time."""
    daily = met("Stand-up", 1, times=58)
    people = [
        Known("Jonas Bergström", "Senior Designer", "Lindqvist Studio", 9, 0.2, (
            interaction("Icons — The icons are on the drive. Could you look at the dark ones before noon?", 0.2,
                        to_me=True, open=True, thread="i", people_total=2), daily)),
        Known("Sofia Lind", "Illustrator", "Lindqvist Studio", 8, 1, (
            interaction("Cover — I'll have the second cover ready on Wednesday.", 4, to_me=True, thread="cover", people_total=2), daily)),
        Known("Noah Ek", "Producer", "Lindqvist Studio", 7, 1, (daily,), answer="tentative"),
    ]  # fmt: skip
    together = GroupMeeting(title="Stand-up", starts_at=NOW - timedelta(days=1))
    return collect(
        meeting(title="Stand-up", ends_at=NOW + timedelta(minutes=50)), [each.person() for each in people], "", together
    )


def right_to_left() -> Dossier:
    """Hebrew and Arabic beside each other, with numbers and a Latin product name in between."""
    david = known(
        "david@example.co.il", "דוד כהן", company="תמר תוכנה בע״מ", title="סמנכ״ל כספים", bios={"linkedin": "כספים, שווקים ואופניים."},
        last=(
            interaction("תקציב 2027 — האם נוכל לאשר את התקציב עד יום ג׳, 24.11, בשעה 10:30?", 2, to_me=True, open=True, thread="b",
                        people_total=2),
            interaction("PingCRM — אשלח לך את הגרסה החדשה.", 9, direction="outbound"),
        ),
    )  # fmt: skip
    layla = known("layla@example.ae", "ليلى حداد", company="شركة النخيل", title="مديرة المنتج", score=score(5), bios={},
                  last=(interaction("العرض — أرسلت لك العرض المعدّل (v2.1) صباح اليوم.", 1),))  # fmt: skip
    return collect(
        meeting(title="פגישת תקציב עם Tamar", place="רחוב הרצל 12, תל אביב"),
        [(guest("david@example.co.il"), david), (guest("layla@example.ae", answer="needsAction"), layla)],
    )
