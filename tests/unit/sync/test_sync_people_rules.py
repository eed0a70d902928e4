"""People of real mail: who wrote it, to whom, in which direction, as headers are met in the wild."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from libs.common.addresses import canonical, is_me
from libs.common.events import MessageIngested
from libs.common.ids import AccountId, UserId
from libs.common.resources.gmail import read_message
from libs.google_sim.account import AccountData
from libs.google_sim.oracle.addresses import Me as OracleMe
from libs.google_sim.oracle.mail import read_mail
from services.sync.domain.mail import Me, Recorded, read

OWN = ("maya@example.com", "Maya.Lind@googlemail.com", "maya@bücher.example", "sales@firm.example")
ME = Me(UserId(uuid4()), AccountId(uuid4()), frozenset(filter(None, map(canonical, OWN))))
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def resource(*headers: tuple[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "id": "a1", "threadId": "t1", "labelIds": ["INBOX"], "internalDate": str(int(NOW.timestamp() * 1000)), "historyId": "7",
        "snippet": "Hello", "payload": {"mimeType": "text/plain", "headers": [{"name": n, "value": v} for n, v in headers]}, **changes,
    }  # fmt: skip


def event(*headers: tuple[str, str], **changes: Any) -> MessageIngested:
    """The event, after a check that the oracle reads the message in the same way."""
    message = resource(*headers, **changes)
    outcome = read(read_message(message), ME, None, 1)
    assert isinstance(outcome, Recorded)
    [mail] = read_mail(AccountData(OWN[0], "", "", messages=[message]), OracleMe.of(OWN), None).eligible
    published = outcome.event
    author = canonical(published.people[0].address) if published.people and published.people[0].role == "from" else None
    assert (author, published.automated or None, published.via) == (mail.author, mail.automated, mail.via)
    assert {canonical(person.address) for person in published.people if person.role != "from"} == mail.recipients
    return published


def author(published: MessageIngested) -> str:
    return next((person.address for person in published.people if person.role == "from"), "")


def outbound(published: MessageIngested) -> bool:
    return is_me(canonical(author(published)) or "", ME.own_addresses)


@pytest.mark.parametrize(
    ("sender", "is_own"),
    [
        ("maya@example.com", True),
        ("MAYA@EXAMPLE.COM", True),
        ("maya+lists@example.com", True),
        ("mayalind@gmail.com", True),
        ("m.a.y.a.lind+shop@gmail.com", True),
        ("maya@xn--bcher-kva.example", True),
        ("Maya <maya@BÜCHER.example>", True),
        ("=?utf-8?q?Maya=2C_Sales?= <sales@firm.example>", True),
        ("maya.lind@example.com", False),
        ("ma.ya@example.com", False),  # dots count where it is not Gmail
        ("maya@example.com.evil.example", False),
        ("maya@bucher.example", False),
        ('"maya@example.com" <mallory@evil.example>', False),  # a name is no address
        ("Maya (maya@example.com) <mallory@evil.example>", False),
        ("", False),
        ("maya at example.com", False),
    ],
)
def test_mail_is_outbound_when_one_of_my_spellings_wrote_it(sender: str, is_own: bool) -> None:
    assert outbound(event(("From", sender), ("To", "jane@x.org"))) is is_own


@pytest.mark.parametrize(
    ("headers", "written_by"),
    [
        ([("From", "jane@x.org"), ("From", "maya@example.com")], "maya@example.com"),
        ([("From", "jane@x.org"), ("From", "bob@x.org")], "jane@x.org"),
        ([("From", "jane@x.org, bob@x.org"), ("Sender", "maya@example.com")], "jane@x.org"),
        ([("From", "jane@x.org, Maya <sales@firm.example>"), ("Sender", "jane@x.org")], "sales@firm.example"),
        ([("Sender", "Office <office@x.org>")], "office@x.org"),
        ([("From", "Jane"), ("Sender", "office@x.org")], "office@x.org"),
        ([("From", "undisclosed-recipients:;")], ""),
        ([("From", "Team: jane@x.org, bob@x.org;")], "jane@x.org"),
        ([("From", "")], ""),
        ([], ""),
    ],
)
def test_missing_and_several_authors(headers: list[tuple[str, str]], written_by: str) -> None:
    assert author(event(*headers, ("To", "maya@example.com"))) == written_by


@pytest.mark.parametrize(
    ("to", "addresses"),
    [
        ("undisclosed-recipients:;", []),
        ("undisclosed-recipients: ;", []),
        ("Undisclosed recipients:;, jane@x.org", ["jane@x.org"]),
        ("Friends: jane@x.org, Bob <bob@x.org>;", ["jane@x.org", "bob@x.org"]),
        ("A: a@x.org;, B: b@x.org;", ["a@x.org", "b@x.org"]),
        ("A: a@x.org; b@x.org", ["a@x.org", "b@x.org"]),
        ('"Doe, Jane" <jane@x.org>, =?utf-8?q?Doe=2C_Bob?= <bob@x.org>', ["jane@x.org", "bob@x.org"]),
        ("jane@x.org; bob@x.org", ["jane@x.org", "bob@x.org"]),  # as Outlook separates
        ("jane@x.org,, ,bob@x.org,", ["jane@x.org", "bob@x.org"]),
        ("<jane@x.org> <bob@x.org>", ["jane@x.org"]),
        ("jane@x.org (home; not work, please)", ["jane@x.org"]),
        ("Jane <jane@x.org>, JANE@X.ORG", ["jane@x.org"]),
        ("j.a.n.e@gmail.com, jane+a@googlemail.com", ["j.a.n.e@gmail.com"]),
        ("jane@bücher.example, jane@xn--bcher-kva.example", ["jane@bücher.example"]),
        ('"jane doe"@x.org, jane@, @x.org, jane@@x.org', []),
        ("Jane <mailto:jane@x.org>", ["jane@x.org"]),
    ],
)
def test_recipients_are_read_as_a_person_would(to: str, addresses: list[str]) -> None:
    published = event(("From", "maya@example.com"), ("To", to))
    assert [person.address for person in published.people if person.role == "to"] == addresses


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Jane <jane@x.org>", "Jane"),
        ('"Doe, Jane \\"JD\\"" <jane@x.org>', 'Doe, Jane "JD'),
        ("jane@x.org (Jane Doe)", "Jane Doe"),
        ("=?utf-8?q?J=C3=BCrgen?= <jane@x.org>", "Jürgen"),
        ('"=?utf-8?q?J=C3=BCrgen?=" <jane@x.org>', "Jürgen"),
        ("=?utf-8?b?5bGx?= =?utf-8?b?55Sw?= <jane@x.org>", "山田"),
        ("=?iso-8859-1?q?J=FCrgen?= Müller <jane@x.org>", "Jürgen Müller"),
        ("'Jane' <jane@x.org>", "Jane"),
        ("Jürgen <jane@x.org>", "Jürgen"),
        ("<jane@x.org>", ""),
        ("Jane\x00\u202eenaJ <jane@x.org>", "Jane enaJ"),
    ],
)
def test_names_are_split_first_and_decoded_after(written: str, name: str) -> None:
    assert event(("From", written)).people[0].name == name


def test_mail_between_my_own_accounts_is_outbound_and_names_nobody_else() -> None:
    published = event(
        ("From", "Maya <sales@firm.example>"), ("To", "maya.lind@gmail.com"), ("Cc", "maya+cc@example.com")
    )
    assert outbound(published)
    assert all(is_me(canonical(person.address) or "", ME.own_addresses) for person in published.people)


@pytest.mark.parametrize(
    ("headers", "mime_type", "automated"),
    [
        # An invitation: From is the human, Sender and the payload betray Google. A copy lies in the owner's Sent.
        ([("From", "jane@x.org"), ("Reply-To", "jane@x.org"), ("Sender", "calendar-notification@google.com")], "text/plain", "calendar"),
        ([("From", "maya@example.com"), ("Sender", "Google Calendar <calendar-notification@google.com>")], "multipart/mixed", "calendar"),
        ([("From", "jane@x.org")], "text/calendar", "calendar"),
        ([("From", "jane@x.org"), ("Sender", "jane@x.org")], "multipart/mixed", ""),
        ([("From", "jane@x.org"), ("Auto-Submitted", "auto-generated")], "text/plain", "auto_submitted"),
        ([("From", "jane@x.org"), ("Auto-Submitted", "no (really)")], "text/plain", ""),
        ([("From", "jane@x.org"), ("Precedence", " List ")], "text/plain", "bulk"),
        ([("From", "jane@x.org"), ("Return-Path", " ")], "text/plain", "bounce"),
        ([("From", "maya@example.com"), ("List-Id", "<l.x.org>")], "text/plain", "list"),
    ],
)  # fmt: skip
def test_calendar_mail_and_robots_are_distinguished_from_people(
    headers: list[tuple[str, str]], mime_type: str, automated: str
) -> None:
    listed = [{"name": name, "value": value} for name, value in headers]
    assert event(payload={"mimeType": mime_type, "headers": listed}).automated == automated


@pytest.mark.parametrize(
    ("headers", "via"),
    [
        ([("From", "\"'Jane' via Team\" <team@x.org>"), ("Reply-To", "jane@x.org")], True),
        ([("From", "=?utf-8?q?J=C3=BCrgen_via_Team?= <team@x.org>")], True),
        ([("From", "Team <team@x.org>"), ("X-Original-From", "Jane <jane@x.org>")], True),
        ([("From", "jane@x.org"), ("Reply-To", "team@x.org"), ("List-Id", "<team.x.org>")], False),
        ([("From", "Viavito Vianello <v@x.org>")], False),
        ([("From", "Jane (via phone) <jane@x.org>")], False),
    ],
)
def test_a_list_that_speaks_for_somebody_is_known(headers: list[tuple[str, str]], via: bool) -> None:
    assert event(*headers).via is via
