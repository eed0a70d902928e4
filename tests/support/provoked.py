"""Failures provoked in a running product, so that what it writes about them can be read: in logs, errors, dead letters."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats

from libs.google_sim.account import AccountData
from libs.local.demo.person import poll_until
from tests.support.privacy import logged_lines
from tests.support.product import Product

SUBJECT = "Provoked subject"
TEXT = "Provoked words of a friend"
STRANGER = "provoked.stranger@example.org"
PROVOKED = frozenset({SUBJECT, TEXT, STRANGER})
WAIT_SECONDS = 60.0  # only to end what hangs


def lines_under(folder: Path, trace: str) -> list[tuple[str, str]]:
    """(service, event) of every line that was logged under this trace."""
    return [(line["service"], line["event"]) for line in logged_lines(folder) if line.get("trace") == trace]


async def request(it: Product, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
    """(status, trace, body) of an API call, whatever its status."""
    url, headers = f"{it.stack.url}/api/v1{path}", {"Origin": it.stack.url}
    async with it.person.http.request(method, url, json=body, headers=headers) as response:
        return response.status, response.headers["Trace-Id"], await response.text()


async def sync_that_fails_at_first(it: Product, folder: Path, account: AccountData) -> str:
    """Two mails that the database refuses once: their handler fails together, then each alone, and then succeeds. The trace."""
    await it.rows(
        f"ALTER TABLE contacts.interactions ADD CONSTRAINT provoked CHECK (title NOT LIKE '{SUBJECT}%') NOT VALID"
    )
    for number in range(2):
        raw = f"From: A Stranger <{STRANGER}>\r\nTo: {account.address}\r\nSubject: {SUBJECT} {number}\r\n"
        raw += f"Message-ID: <provoked-{number}@example.org>\r\nDate: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000\r\n\r\n{TEXT}\r\n"
        await it.google.control("POST", f"/accounts/{account.address}/messages", {"raw": raw})
    items = (await it.person.call("GET", "/accounts"))["items"]
    (account_id,) = (item["id"] for item in items if item["address"] == account.address)
    status, trace, _ = await request(it, "POST", f"/accounts/{account_id}/sync", {"kinds": ["mail"]})
    assert status == 202

    async def failed_twice() -> bool:
        return lines_under(folder, trace).count(("contacts", "struck")) >= 2

    assert await poll_until(failed_twice, seconds=WAIT_SECONDS)
    await it.rows("ALTER TABLE contacts.interactions DROP CONSTRAINT provoked")
    return trace


async def brief_by_hand(it: Product) -> str:
    """Request the brief of a meeting to come. The trace."""
    meetings = [meeting async for meeting in it.person.all("/meetings", limit=200)]
    now = datetime.now(UTC)
    for meeting in meetings:
        if datetime.fromisoformat(meeting["starts_at"]) > now and len(meeting["guests"]) > 1 and not meeting["prep"]:
            status, trace, _ = await request(it, "POST", f"/meetings/{meeting['id']}/prep")
            if status < 300:
                return trace
    raise AssertionError("there is no meeting that can be briefed")


async def event_that_cannot_be_parsed(it: Product) -> None:
    """A dead letter, with private words in its body."""
    payload = {"user_id": STRANGER, "title": SUBJECT, "people": [{"role": TEXT}]}
    client = await nats.connect(it.stack.admin_nats_url)
    try:
        await client.jetstream().publish("message.ingested", json.dumps(payload).encode())
    finally:
        await client.close()


async def error_bodies(it: Product) -> str:
    """The bodies of requests that are refused, each with private words in what was sent."""
    bodies = []
    for method, path, body in (
        ("POST", "/contacts", {"name": SUBJECT, "emails": ["typed@@example.org"]}),
        ("POST", "/contacts", {"name": {TEXT: 1}}),
        ("PATCH", "/me/settings", {"gmail": {"time_zone": TEXT}}),
        ("GET", f"/contacts/{STRANGER}", None),
        ("GET", f"/contacts?cursor={STRANGER}", None),
        ("GET", f"/meetings?from={STRANGER}", None),
        ("POST", "/interactions", {"platform": TEXT, "text": SUBJECT}),
        ("DELETE", f"/contacts/{STRANGER}/merge", None),
    ):
        status, _, text = await request(it, method, path, body)
        assert status >= 400, (method, path, status)
        bodies.append(text)
    return "\n".join(bodies)
