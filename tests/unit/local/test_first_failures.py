"""What a new operator meets first: refused at once, explained by its own words, and told what a wait is for."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from libs.local import ROOT, cli, readiness
from libs.local.__main__ import main
from libs.local.cli import app
from libs.local.keep_alive import ServiceProcess
from libs.local.ports import free_port
from libs.local.process import Process, run_apart, spawn
from libs.local.readiness import StackFailed, until_ready
from libs.local.waiting import explained

GOOGLE = {"PINGCRM_GOOGLE_CLIENT_ID": "client", "PINGCRM_GOOGLE_CLIENT_SECRET": "secret"}


def pingcrm(*arguments: str, **settings: str) -> tuple[int, list[str]]:
    """Exit code, and the lines that were printed."""
    environment: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PINGCRM_")}
    ended = CliRunner().invoke(app, arguments, env={**environment, **settings}, catch_exceptions=False)
    return ended.exit_code, ended.output.splitlines()


@pytest.mark.parametrize(
    "settings",
    [
        {"PINGCRM_SECRET_KEYS": ","},
        {"PINGCRM_GMAIL_UNITS": "{bad", "PINGCRM_PORT": "99999"},
        {"PINGCRM_STREAM_REPLICAS": "2"},
        {"PINGCRM_HOST": "192.0.2.7", "PINGCRM_PUBLIC_URL": "https://crm.example.org"},
        {"PINGCRM_SIGNUP": "open"},
        {"PINGCRM_GOOGLE_CLIENT_SECRET": ""},
        {"PINGCRM_NATS_URL": "nats://127.0.0.1:1"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_up_refuses_at_once_what_doctor_finds_wrong(settings: dict[str, str], tmp_path: Path) -> None:
    folder, environment = tmp_path / "data", {"PINGCRM_PORT": str(free_port()), **GOOGLE, **settings}
    code, found = pingcrm("doctor", "--data-dir", str(folder), **environment)
    wrong = [line.removeprefix("wrong ") for line in found if line.startswith("wrong ")]
    assert (code, bool(wrong)) == (1, True)
    assert pingcrm("up", "--data-dir", str(folder), **environment) == (1, wrong)
    assert not folder.exists()


def test_doctor_reports_as_json_what_it_reports_in_words(tmp_path: Path) -> None:
    arguments = ("doctor", "--data-dir", str(tmp_path), "--port", str(free_port()))
    code, written = pingcrm(*arguments, "--json", **GOOGLE)
    assert code == 0
    findings = json.loads("\n".join(written))
    assert [f"{finding['level']:5} {finding['sentence']}" for finding in findings] == pingcrm(*arguments, **GOOGLE)[1]


def test_the_version_is_printed() -> None:
    assert pingcrm("--version") == (0, ["pingcrm 0.1.0"])


# -- a service's own words ---------------------------------------------------------------------------------------------------


def python(code: str, log: Path | None) -> Process:
    return spawn([sys.executable, "-c", code], death_signal=signal.SIGKILL, env={}, log=log)


@pytest.mark.parametrize(("printed", "words"), [("print('its own')", "its own"), ("", "")])
async def test_the_last_lines_are_those_of_this_process_and_not_of_the_run_before(
    printed: str, words: str, tmp_path: Path
) -> None:
    log = tmp_path / "sync.log"
    log.write_text("of the run before\n")
    process = python(printed, log)
    await process.wait()
    assert process.last_lines() == words
    assert log.read_text().startswith("of the run before\n")


async def test_of_much_only_the_end_is_shown_and_nothing_of_what_went_to_our_own_output(tmp_path: Path) -> None:
    process = python("print(*range(20_000), sep='\\n')", tmp_path / "log")
    await process.wait()
    assert process.last_lines(2) == "19998\n19999"
    silent = python("", None)
    await silent.wait()
    assert silent.last_lines() == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit('no such key')", "sync ends again and again. It printed last:\nno such key"),
        ("raise SystemExit(3)", "sync ends again and again. It printed nothing."),
    ],
)
async def test_a_service_that_dies_at_its_start_is_explained_by_its_own_words(
    code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "EXITS_ALLOWED", 1)
    log = tmp_path / "sync.log"
    log.write_text('{"event": "stopped"}\n')
    service = ServiceProcess("sync", lambda: python(code, log), log, lambda _: None)
    running = asyncio.create_task(service.run())
    with pytest.raises(StackFailed) as failed:
        await until_ready({f"http://127.0.0.1:{free_port()}/health/ready": service}, 30, lambda _: None)
    assert str(failed.value) == words
    await service.stop()
    await running


# -- waits ---------------------------------------------------------------------------------------------------------------------


async def test_a_long_wait_shows_what_it_is_for_as_that_changes_and_a_short_one_nothing() -> None:
    reports: asyncio.Queue[str] = asyncio.Queue()
    missing = ["NATS", "Valkey"]
    async with explained(lambda: ", ".join(missing), reports.put_nowait, 0.0, 0.0):
        assert await reports.get() == "Waiting for NATS, Valkey …"
        missing.remove("NATS")
        while await reports.get() != "Waiting for Valkey …":
            pass
    async with explained(lambda: "", reports.put_nowait):
        pass
    assert "Waiting for  …" not in {reports.get_nowait() for _ in range(reports.qsize())}


# -- Ctrl-C --------------------------------------------------------------------------------------------------------------------

INTERRUPTED_WHILE_READ = """
import os, runpy, signal, sys

class Interrupting:
    def find_spec(self, name, *_):
        if name in ("libs.local.cli", "a_module_of_ours"):
            os.kill(os.getpid(), signal.SIGINT)

sys.path.insert(0, {root!r})
sys.meta_path.insert(0, Interrupting())
sys.argv = ["pingcrm", "a_module_of_ours"]
runpy.run_module({command!r}, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("command", ["libs.local", "libs.local.foreground"])
def test_ctrl_c_while_modules_are_being_read_ends_a_command_without_a_word(command: str) -> None:
    code = INTERRUPTED_WHILE_READ.format(root=str(ROOT), command=command)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")


def test_ctrl_c_reaches_a_command_at_work_and_not_one_that_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = signal.getsignal(signal.SIGINT), list[object]()
    stand_in = SimpleNamespace(main=lambda: seen.append(signal.getsignal(signal.SIGINT)))
    monkeypatch.setattr("libs.local.cli", stand_in)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        main()
        assert (seen, signal.getsignal(signal.SIGINT)) == ([signal.default_int_handler], signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_at_a_question_ends_a_command_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> bool:
        raise typer.Abort

    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(typer, "confirm", interrupted)
    with pytest.raises(typer.Exit) as ended:
        cli._wants_new_secrets(tmp_path)
    assert ended.value.exit_code == 128 + signal.SIGINT


def test_the_terminals_ctrl_c_does_not_reach_what_we_run() -> None:
    own_session = "import os; print(os.getsid(0) == os.getpid())"
    assert run_apart([sys.executable, "-c", own_session]).stdout == "True\n"


# -- where it is -----------------------------------------------------------------------------------------------------------------


def test_the_command_finds_its_python_wherever_the_folder_is_moved_and_by_a_link(tmp_path: Path) -> None:
    place = tmp_path / "a folder" / "bin"
    place.mkdir(parents=True)
    (place / "python").write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
    (place / "pingcrm").write_text((ROOT / "libs" / "local" / "pingcrm.sh").read_text())
    for program in place.iterdir():
        program.chmod(0o755)
    moved = tmp_path / "elsewhere"
    place.parent.rename(moved)
    (tmp_path / "link").symlink_to(moved / "bin" / "pingcrm")
    ended = subprocess.run([tmp_path / "link", "up", "--port", "1"], capture_output=True, text=True, cwd="/")
    assert ended.stdout.splitlines() == [str(moved / "bin" / "python"), "-m", "libs.local", "up", "--port", "1"]
