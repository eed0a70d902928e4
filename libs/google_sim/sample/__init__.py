"""The built-in sample: one person, two accounts, a year of mail, contacts, and meetings placed around now."""

from datetime import datetime
from random import Random

from libs.google_sim.account import AccountData
from libs.google_sim.sample.contacts import contacts
from libs.google_sim.sample.mail import MailSample
from libs.google_sim.sample.mailbox import generate_mailbox
from libs.google_sim.sample.meetings import calendars
from libs.google_sim.sample.people import MAYA, PERSONAL, WORK, WORK_ALIAS

__all__ = ["generate_mailbox", "sample"]


def sample(now: datetime, seed: int = 1) -> list[AccountData]:
    """Maya Lindqvist's private and work account as of `now` (aware); the same for the same `now` and `seed`.

    Two meetings begin 33 and 38 minutes after `now`, one in each account, and none else within 25 to 50 minutes.
    """
    messages = MailSample(now, Random(seed)).write()
    calendar_of = calendars(now)
    return [
        AccountData(
            PERSONAL,
            MAYA,
            "104857392016845729103",
            [],
            messages[PERSONAL],
            [calendar_of[PERSONAL]],
            contacts("personal"),
        ),
        AccountData(
            WORK, MAYA, "117239405816273940512", [WORK_ALIAS], messages[WORK], [calendar_of[WORK]], contacts("work")
        ),
    ]
