"""The whole product on machines whose clocks differ."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.neighbors import FRIEND, Neighbor, account, get_mail, header
from tests.support.privacy import logged_lines
from tests.support.product import product
from tests.support.skewed_services import skew_services

OWNER = "vera@example.net"
# Seconds ahead. What is requested is waited for for ten seconds at least: clocks may differ by a part of that.
CLOCKS = {"auth": 2.0, "sync": -2.0, "sync-1": 2.0, "contacts": -2.0, "prep": 2.0, "gateway": -2.0}


@pytest.mark.timeout(240)
async def test_clocks_that_differ_by_seconds_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skew_services(monkeypatch, CLOCKS)
    async with product(tmp_path, [account(OWNER, datetime.now(UTC))], replicas={"sync": 2}) as it:
        await it.person.sign_in(OWNER)
        await it.settle()
        for number in range(5):
            await get_mail(it, it.person, OWNER, f"mail-{number}")
        owner = Neighbor(it, it.person, OWNER)
        for _ in range(2):  # a scan that is repeated briefs nobody twice
            brief = await owner.get_brief()
        assert header(brief, "Subject").startswith("Meeting prep: Engine")
        assert FRIEND[0] in brief["text"]
        await it.settle()
        expected, actually = await it.numbers()
        assert actually == expected
        assert await it.doubled() == 0
        assert await it.rows("SELECT kind, fence FROM sync.runs WHERE fence > 1") == [], "no lease passed on"
        lines = list(logged_lines(tmp_path))
        assert [line for line in lines if line["level"] == "error"] == []
        assert Counter(line["event"] for line in lines)["deadline_passed"] == 0
