"""Services of the version before on the schema, the streams and the permissions of this one, and replaced one by one while mail flows."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from libs.common.ids import SERVICES, Service
from libs.local import ROOT, supervisor
from libs.local.demo.person import poll_until
from libs.local.demo.progress import wait_until_synced
from tests.support.neighbors import (
    FRIEND,
    LETTERS,
    MESSAGES,
    Neighbor,
    account,
    friend_of,
    get_mail,
    header,
    titles_with,
)
from tests.support.privacy import logged_lines
from tests.support.product import Product, product
from tests.support.version_before import version_before

OWNER = "vera@example.net"


def folders(it: Product) -> set[Path]:
    """From where the services run."""
    return {Path(f"/proc/{pid}/cwd").readlink() for pid in it.stack.processes.values()}


def failures(folder: Path) -> list[tuple[str, str, str]]:
    """What the services logged of bugs: a column that is gone, a value that is refused, a request that nobody knows any more."""
    return [
        (line["service"], line["event"], str(line.get("exception", line.get("error", "")))[-300:])
        for line in logged_lines(folder)
        if line["level"] == "error"
    ]


async def is_read(it: Product) -> bool:
    """Whether all the mail is on timelines. An older version does not take all events: those wait for the one that does."""
    counts = (await it.person.call("GET", "/me"))["counts"]
    return bool(counts["messages"] >= MESSAGES and counts["contacts"])


async def use(it: Product, owner: Neighbor) -> None:
    """What the owner of a mailbox does, by all services: sign in, sync, read, write, get a brief."""
    await it.person.sign_in(OWNER)
    assert (await wait_until_synced(it.person, seconds=60)).failed == ()
    assert await poll_until(partial(is_read, it), seconds=60)
    friend = await friend_of(it.person)
    await it.person.call("PATCH", f"/contacts/{friend}", {"company": "Analytical Engines"})
    assert (await it.person.call("GET", f"/contacts/{friend}"))["company"] == "Analytical Engines"
    await get_mail(it, it.person, OWNER, "Before")
    assert {*(f"Engine {number}" for number in range(LETTERS)), "Before"} <= await titles_with(it.person, friend)
    brief = await owner.get_brief()
    assert header(brief, "Subject").startswith("Meeting prep: Engine")
    assert FRIEND[0] in brief["text"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", SERVICES)
async def test_services_of_the_version_before_work_on_the_new_schema_and_are_replaced_one_by_one(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version_before(service)
    older, folder = tmp_path / "older", tmp_path / "data"
    before.unpack(older)
    with monkeypatch.context() as patched:
        patched.setattr(supervisor, "ROOT", older)  # the database and the bus are migrated by this version all the same
        patched.setattr(supervisor, "can_fork", lambda: False)  # copies of one process would all be of one version
        async with product(folder, [account(OWNER, datetime.now(UTC))]) as it:
            assert folders(it) == {older}
            await use(it, Neighbor(it, it.person, OWNER))
            assert (await it.dead_letters(), failures(folder)) == (0, [])

            patched.setattr(supervisor, "ROOT", ROOT)
            for replaced in SERVICES:
                await it.stack.restart(replaced)
                await get_mail(it, it.person, OWNER, f"new-{replaced}")
            assert folders(it) == {ROOT}
            await it.settle()
            titles = await titles_with(it.person, await friend_of(it.person))
            assert {"Before", *(f"new-{replaced}" for replaced in SERVICES)} <= titles
            expected, actually = await it.numbers()
            assert actually == expected
            assert await it.doubled() == 0
            assert (await it.dead_letters(), failures(folder)) == (0, [])
