"""The local Google as a process of its own."""

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from libs.google_sim.__main__ import subject_of

COMMAND = [sys.executable, "-m", "libs.google_sim"]
MBOX = "From x Mon Jan  5 10:00:00 2026\nFrom: a@b.example\nTo: {to}\nSubject: hello\n\nhello\n\n"


def started(*options: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def state(control_url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{control_url}/state") as response:
        return {
            account["address"]: (account["name"], account["messages"], account["aliases"])
            for account in json.load(response)["accounts"]
        }


def test_it_serves_files_until_it_is_stopped(tmp_path: Path) -> None:
    mbox, port_file = tmp_path / "mail.mbox", tmp_path / "ports.json"
    mbox.write_text(MBOX.format(to="ada@gmail.com") * 2)
    options = ["--account", "ada@gmail.com", "--account", "ben@work.example", "--port-file", str(port_file)]
    options += [
        "--mail",
        f"ada@gmail.com={mbox}",
        "--name",
        "ben@work.example=Ben",
        "--alias",
        "ben@work.example=b@w.example",
    ]
    process, ports = started(*options)
    try:
        assert json.loads(port_file.read_text()) == ports
        assert state(ports["control_url"]) == {
            "ada@gmail.com": ("Ada", 2, []),
            "ben@work.example": ("Ben", 0, ["b@w.example"]),
        }
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


def test_the_sample_is_one_option() -> None:
    process, ports = started("--sample")
    try:
        assert len(state(ports["control_url"])) == 2
    finally:
        process.terminate()
        assert process.wait(10) == 0
        assert process.stdout is not None
        process.stdout.close()


def refused(*options: str) -> str:
    response = subprocess.run([*COMMAND, *options], capture_output=True, text=True, check=False)
    assert response.returncode == 2
    assert "Traceback" not in response.stderr
    return " ".join(response.stderr.replace("│", " ").split())


def test_mistakes_in_the_options_are_sentences() -> None:
    assert "Nothing to serve" in refused()
    assert "say whose it is" in refused("--account", "a@x.example", "--account", "b@x.example", "--mail", "m.mbox")
    assert "Give the path of an existing file" in refused("--account", "a@x.example", "--mail", "none.mbox")


def test_a_subject_has_21_digits_and_is_stable() -> None:
    assert len(subject_of("a@x.example")) == 21
    assert subject_of("A@x.example ") == subject_of("a@x.example") != subject_of("b@x.example")
