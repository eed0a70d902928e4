"""What goes wrong at the command line ends in a single sentence with what to do, and a fitting exit code; never a traceback."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.local.cli import app
from libs.local.data_dir import Unusable, read_runtime

USAGE, FAILED = 2, 1


def pingcrm(*arguments: str, **settings: str) -> tuple[int, str]:
    """Exit code and everything that was printed, on one line. What nobody caught is raised."""
    environment: dict[str, str | None] = {name: None for name in os.environ if name.startswith("PINGCRM_")}
    ended = CliRunner().invoke(app, arguments, env={**environment, **settings}, catch_exceptions=False)
    return ended.exit_code, " ".join(ended.output.replace("│", " ").split())


@pytest.fixture
def not_a_folder(tmp_path: Path) -> str:
    file = tmp_path / "file"
    file.write_text("")
    return str(file)


@pytest.mark.parametrize("command", [["up"], ["tick", "prep"], ["run", "sync"], ["rotate"], ["dead", "list"]])
def test_what_can_be_no_data_folder_is_reported_with_what_to_do(command: list[str], not_a_folder: str) -> None:
    code, output = pingcrm(*command, "--data-dir", not_a_folder)
    assert code == FAILED
    assert f"The data folder {not_a_folder} can't be used (Not a directory): choose another with --data-dir" in output


def test_doctor_reports_a_bad_data_folder_as_a_finding(not_a_folder: str) -> None:
    code, output = pingcrm("doctor", "--data-dir", not_a_folder)
    assert code == FAILED
    assert f"wrong The data folder {not_a_folder} can't be used (Not a directory): choose another" in output
    assert "Errno" not in output


def test_a_folder_of_somebody_else_is_reported_and_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(Unusable, match="Permission denied"):
        read_runtime(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("PINGCRM_POOL_SIZE", "many", "a whole number from 1 to 1000"),
        ("PINGCRM_LOG_FORMAT", "loud", "auto, json or pretty"),
        ("PINGCRM_STREAM_REPLICAS", "9", "a whole number from 1 to 5"),
    ],
)
@pytest.mark.parametrize("command", [["up"], ["run", "sync"], ["demo", "--once"]])
def test_invalid_settings_stop_a_command_before_it_starts_anything(
    command: list[str], name: str, value: str, remedy: str, tmp_path: Path
) -> None:
    code, output = pingcrm(*command, PINGCRM_DATA_DIR=str(tmp_path / "data"), **{name: value})
    assert code == FAILED
    assert output == f"{name} must be {remedy}, not '{value}'."
    assert not (tmp_path / "data").exists()


def test_a_url_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    urls = {"PINGCRM_POSTGRES_URL": "postgresql://crm:5432x/pingcrm", "PINGCRM_NATS_URL": "nats://127.0.0.1:1"}
    code, output = pingcrm("migrate", "--data-dir", str(tmp_path), **urls)
    assert code == FAILED
    assert "PostgreSQL's URL postgresql://crm:5432x/pingcrm can't be read" in output
    code, output = pingcrm("migrate", "--data-dir", str(tmp_path), **urls | {"PINGCRM_POSTGRES_URL": "crm-database"})
    assert code == FAILED
    assert output.startswith("PINGCRM_POSTGRES_URL must be a URL such as postgresql://USER:")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--mail", "FILE"], "--owner ADDRESS says whose files these are"),
        (["--owner", "ada@example.org"], "give --takeout, or --mail, --calendar or --contacts"),
        (["--mail", "FILE", "--owner", "ada"], "ada is no email address"),
        (["--mail", "missing.mbox", "--owner", "ada@example.org"], "'missing.mbox' does not exist"),
        (["--json", "/nowhere/figures.json"], "there is no folder /nowhere that can be written"),
    ],
)
def test_demo_reports_wrong_options_before_it_starts(arguments: list[str], part: str, not_a_folder: str) -> None:
    code, output = pingcrm(
        "demo", "--once", *(not_a_folder if argument == "FILE" else argument for argument in arguments)
    )
    assert code == USAGE
    assert part in output


def test_demo_names_in_a_sentence_which_file_is_no_mail(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Notes")
    code, output = pingcrm("demo", "--once", "--mail", str(tmp_path / "notes.md"), "--owner", "ada@example.org")
    assert code == FAILED
    assert output.endswith(
        "notes.md is no mail file. Give an .mbox, .eml or .jsonl file (also .gz), a zip of them, or a maildir."
    )
    assert "Usage" not in output
