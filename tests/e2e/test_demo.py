"""`pingcrm demo --once` on files as Google Takeout gives them: an mbox, an ics and a vcf."""

import json
import mailbox
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

import pytest

from libs.local import ROOT

OWNER = "nora@example.net"
NOW = datetime.now(UTC).replace(microsecond=0)


def letter(number: int, sender: str, to: str, subject: str, *, days_ago: int, **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    message["Date"] = format_datetime(NOW - timedelta(days=days_ago))
    message["Message-ID"] = f"<letter-{number}@example.net>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(f"Letter {number}: see you soon.\n\nOn Monday somebody wrote:\n> something else\n")
    return message


def write_mail(path: Path) -> None:
    box = mailbox.mbox(path)
    for number in range(40):
        friend = f"Friend {number % 7} <friend{number % 7}@example.org>"
        sender, to = (friend, OWNER) if number % 3 else (f"Nora <{OWNER}>", friend)
        box.add(letter(number, sender, to, f"Plan {number}", days_ago=number * 40))  # some of it years old
    box.add(
        letter(100, "Shop <news@shop.example>", OWNER, "Sale", days_ago=3, List_Unsubscribe="<https://shop.example/u>")
    )
    box.add(letter(101, "no-reply@bank.example", OWNER, "Your statement", days_ago=4))
    box.add(b"From: =?utf-8?q?broken\nTo: <<>>\nSubject: \xff\xfe no date\n\nnothing\n")
    box.close()


def write_calendar(path: Path) -> None:
    def stamp(at: datetime) -> str:
        return at.strftime("%Y%m%dT%H%M%SZ")

    now = datetime.now(UTC)  # not when the file was read: the tests before take minutes
    soon = now + timedelta(minutes=35)
    path.write_text(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
        f"BEGIN:VEVENT\r\nUID:soon@x\r\nDTSTAMP:{stamp(now)}\r\nDTSTART:{stamp(soon)}\r\nDTEND:{stamp(soon + timedelta(hours=1))}\r\n"
        f"SUMMARY:Coffee <b>&amp;</b> plans\r\nORGANIZER:mailto:{OWNER}\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:{OWNER}\r\n"
        "ATTENDEE;CN=Friend 1;PARTSTAT=ACCEPTED:mailto:friend1@example.org\r\nEND:VEVENT\r\n"
        f"BEGIN:VEVENT\r\nUID:weekly@x\r\nDTSTAMP:{stamp(now)}\r\nDTSTART:{stamp(now - timedelta(days=29))}\r\nDURATION:PT30M\r\n"
        "RRULE:FREQ=WEEKLY;COUNT=6\r\nSUMMARY:Choir\r\nATTENDEE:mailto:friend2@example.org\r\nATTENDEE:mailto:choir@example.org\r\nEND:VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:day@x\r\nDTSTART;VALUE=DATE:20240501\r\nDTEND;VALUE=DATE:20240502\r\nSUMMARY:Holiday\r\nEND:VEVENT\r\n"
        "END:VCALENDAR\r\n"
    )


def write_contacts(path: Path) -> None:
    path.write_text(
        "BEGIN:VCARD\nVERSION:3.0\nFN:Friend One\nN:One;Friend;;;\nEMAIL:friend1@example.org\nEMAIL:one@work.example\n"
        "TEL:+46 70 123 45 67\nORG:Example AB\nEND:VCARD\n"
        "BEGIN:VCARD\nVERSION:3.0\nFN:Åsa Öberg\nTEL:070-999 88 77\nEND:VCARD\n"
    )


@pytest.mark.timeout(180)
def test_an_mbox_an_ics_and_a_vcf_give_what_the_oracle_expects(tmp_path: Path) -> None:
    write_mail(tmp_path / "All mail.mbox")
    write_calendar(tmp_path / "calendar.ics")
    write_contacts(tmp_path / "contacts.vcf")
    files = ["--mail", "All mail.mbox", "--calendar", "calendar.ics", "--contacts", "contacts.vcf"]
    command = [sys.executable, "-m", "libs.local", "demo", "--once", *files, "--owner", OWNER, "--json", "figures.json"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["actual"] == figures["expected"]
    assert figures["actual"]["messages"] == 43
    assert figures["actual"]["imported"] == 2
    assert figures["actual"]["meetings"] == 8
    assert figures["actual"]["preps"] == 1
    assert set(figures["seconds"]) == {"start", "sync", "prep", "total"}
