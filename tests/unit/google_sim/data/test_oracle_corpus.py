"""The oracle and the loaders on the shared corpus of real mail, where it is at hand."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.google_sim.account import AccountData
from libs.google_sim.loaders import load_calendar, load_mail, load_people
from libs.google_sim.oracle import expect, gmail_optimum

NOW = datetime(2026, 6, 1, tzinfo=UTC)

pytestmark = pytest.mark.corpus


def test_every_real_message_and_card_is_accounted_for(corpus: Path) -> None:
    stats = json.loads((corpus / "stats.json").read_text())["gmail_messages"]
    owner = stats["owner"]
    account = AccountData(owner["address"], "Owner", "1" * 21, owner["aliases"])
    account.messages = load_mail(corpus / "mail.jsonl.gz", owner["address"], owner["aliases"])
    account.people = load_people(corpus / "people.jsonl.gz")
    found = expect([account], NOW, mail_lookback_days=0)
    assert found.messages + sum(found.filtered.values()) + found.set_aside == len(account.messages) == stats["messages"]
    assert found.filtered == {"spam": stats["labels"]["SPAM"]}
    assert found.directions["outbound"] == stats["independent_direction"]["outbound_counting_aliases"]
    assert found.imported + found.cards_skipped == len(account.people)
    assert gmail_optimum(account, NOW, 0)["units"] > 20 * found.messages // 2


@pytest.mark.filterwarnings("ignore:Using both 'count' and 'until'")  # some real rules do
def test_every_real_event_is_served(corpus: Path) -> None:
    (calendar,) = load_calendar(corpus / "calendar.jsonl.gz", "owner@x.org")
    assert len({event["id"] for event in calendar.events}) == len(calendar.events) == 4_464
    recent = expect([AccountData("owner@x.org", "Owner", "1", calendars=[calendar])], NOW, calendar_past_days=90)
    assert recent.meetings > recent.meeting_interactions > 0
