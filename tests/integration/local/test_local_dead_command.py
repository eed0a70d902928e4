"""`pingcrm dead` against a real server: lists without payloads, shows with one, replays what it was given and no more."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from libs.local import commands
from libs.local.bus_admin import admin_stream
from libs.local.cli import app
from libs.local.dead import iterate_dead_letters
from libs.local.servers import Nats
from tests.conftest import own_nats_server

nats_server = own_nats_server  # the letters' numbers begin at 1


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands.console, "_width", 200)


async def pingcrm_dead(server: Nats, data_dir: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output, on one line."""
    environment = {"PINGCRM_NATS_URL": server.admin_url}
    ended = await asyncio.to_thread(
        CliRunner().invoke, app, ["dead", *arguments, "--data-dir", str(data_dir)], env=environment
    )
    return ended.exit_code, " ".join(ended.output.replace("│", " ").split())


@pytest_asyncio.fixture
async def letters(nats_server: Nats) -> AsyncIterator[None]:
    """1 and 3 are of contacts, 2 is of prep."""
    async with admin_stream(nats_server.admin_url) as js:
        for service, subject in (
            ("contacts", "message.ingested"),
            ("prep", "meeting.upcoming"),
            ("contacts", "person.imported"),
        ):
            headers = {
                "Pingcrm-Subject": subject, "Pingcrm-Consumer": f"{service}_consumer", "Pingcrm-Attempts": "6",
                "Pingcrm-Reason": "ValueError: no", "Pingcrm-Trace": "t", "Pingcrm-At": "2026-01-02T03:04:05+00:00",
            }  # fmt: skip
            await js.publish(f"dead.{service}.-.-.{subject}", b"private words", headers=headers)
        yield


async def numbers(server: Nats) -> list[int]:
    async with admin_stream(server.admin_url) as js:
        return [letter.number async for letter in iterate_dead_letters(js)]


async def test_letters_with_headers_that_nobody_can_read_are_listed_and_shown_as_what_they_are(
    nats_server: Nats, tmp_path: Path
) -> None:
    hostile = (
        {"Pingcrm-Attempts": "many", "Pingcrm-At": "yesterday", "Pingcrm-Reason": "[red]é\x1b[2J"},
        {"Pingcrm-Encoding": "gzip", "Pingcrm-At": "9" * 5_000},
        None,
    )
    async with admin_stream(nats_server.admin_url) as js:
        for headers in hostile:
            await js.publish("dead.prep.-.-.meeting.upcoming", b"private words", headers=headers)
    code, output = await pingcrm_dead(nats_server, tmp_path, "list")
    assert code == 0, output
    assert "\x1b[2J" not in output
    code, output = await pingcrm_dead(nats_server, tmp_path, "list", "--json")
    rows = json.loads(output)
    assert [(row["number"], row["subject"]) for row in rows] == [(number, "meeting.upcoming") for number in (1, 2, 3)]
    assert (rows[0]["attempts"], rows[0]["at"]) == ("many", "yesterday")
    for number in ("1", "2", "3"):
        code, output = await pingcrm_dead(nats_server, tmp_path, "show", number)
        assert (code, output.endswith("private words")) == (0, True), output


async def test_a_letter_that_nobody_handles_stays_with_what_to_do_and_the_others_go_on(
    nats_server: Nats, letters: None, tmp_path: Path
) -> None:
    hostile = ("$JS.API.STREAM.DELETE.EVENTS", "auth.delete_user", "interaction.reported.[/].[red]", "message.\x1b[2J")
    async with admin_stream(nats_server.admin_url) as js:
        for subject in hostile:
            await js.publish(f"dead.prep.-.-.{subject}", b"{}", headers={"Pingcrm-Consumer": "prep_meeting_upcoming"})
        await js.publish("dead.prep.-.-.meeting.upcoming", b"private words")
    code, output = await pingcrm_dead(nats_server, tmp_path, "replay", "--all")
    assert code == 1
    for shown in ("3: person.imported", "8: meeting.upcoming", "Replayed 4."):
        assert shown in output
    for number in (4, 5, 6, 7):
        assert f"Dead letter {number} stays: prep neither consumes nor publishes" in output
        assert f"`pingcrm dead show {number}`" in output
    assert "\x1b" not in output
    assert await numbers(nats_server) == [4, 5, 6, 7]
    async with admin_stream(nats_server.admin_url) as js:
        assert (await js.stream_info("EVENTS")).state.messages == 4
    code, output = await pingcrm_dead(nats_server, tmp_path, "list")
    assert (code, "\x1b" in output) == (0, False)
    assert "interaction.reported.[/].[red]" in output


async def test_letters_are_listed_shown_and_replayed_as_they_were_asked_for(
    nats_server: Nats, letters: None, tmp_path: Path
) -> None:
    code, output = await pingcrm_dead(nats_server, tmp_path, "list", "--limit", "2")
    assert code == 0
    assert "message.ingested" in output
    assert "meeting.upcoming" in output
    assert "person.imported" not in output
    assert "The first 2; --limit shows more." in output
    assert "private words" not in output
    code, output = await pingcrm_dead(nats_server, tmp_path, "list", "--limit", "2", "--json")
    rows = json.loads(output)
    assert [(row["number"], row["subject"]) for row in rows] == [(1, "message.ingested"), (2, "meeting.upcoming")]
    assert list(rows[0]) == ["number", "at", "consumer", "subject", "attempts", "reason"]
    code, output = await pingcrm_dead(nats_server, tmp_path, "list", "--service", "prep")
    assert "meeting.upcoming" in output
    assert "contacts_consumer" not in output
    code, output = await pingcrm_dead(nats_server, tmp_path, "show", "3")
    assert "subject: person.imported attempts: 6 reason: ValueError: no trace: t" in output
    assert output.endswith("private words")

    for wrong in (["replay"], ["replay", "1", "--all"], ["list", "--service", "mail"]):
        assert (await pingcrm_dead(nats_server, tmp_path, *wrong))[0] == 2
    assert await numbers(nats_server) == [1, 2, 3]
    assert (await pingcrm_dead(nats_server, tmp_path, "replay", "--all", "--service", "prep"))[0] == 0
    assert await numbers(nats_server) == [1, 3]
    code, output = await pingcrm_dead(nats_server, tmp_path, "replay", "3", "2")
    assert (code, "There is no dead letter 2." in output) == (1, True)
    assert await numbers(nats_server) == [1], "what came before it is done"
    code, output = await pingcrm_dead(nats_server, tmp_path, "replay", "--all")
    assert output.endswith("Replayed 1.")
    assert await pingcrm_dead(nats_server, tmp_path, "list") == (0, "There are no dead letters.")
