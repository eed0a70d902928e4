"""Secrets out of files: what a file holds is what the variable would have held, and what can't be read is said in a sentence."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from libs.common.config.definitions import definitions, read_settings, secret_settings
from libs.common.config.secret_files import (
    MOST_BYTES,
    UnusableSecretFile,
    adopt_secret_files,
    with_secret_files,
    without_adopted,
)
from libs.common.config.values import A_KEY
from libs.local import commands
from libs.local.doctor import check_names
from libs.local.environment import secret_names

NAME = "PINGCRM_SECRET_KEYS"
SECRETS = {
    "PINGCRM_POSTGRES_URL": "postgresql://pingcrm_auth:s3cret@db:5432/pingcrm",
    "PINGCRM_NATS_URL": "nats://auth:s3cret@bus:4222",
    "PINGCRM_REDIS_URL": "redis://auth:s3cret@cache:6379/0",
    "PINGCRM_SECRET_KEYS": A_KEY,
    "PINGCRM_WEBHOOK_KEYS": A_KEY,
    "PINGCRM_GOOGLE_CLIENT_SECRET": "s3cret",
    "PINGCRM_ANTHROPIC_API_KEY": "s3cret",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=s3cret",
}


def in_files(folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """The variables that name a file for each of them."""
    for name, value in values.items():
        (folder / name).write_text(value)
    return {f"{name}_FILE": str(folder / name) for name in values}


def test_every_setting_that_is_a_secret_and_every_password_of_an_installation_can_be_in_a_file(tmp_path: Path) -> None:
    assert set(secret_settings()) == set(SECRETS)
    assert set(secret_names()) > {"PINGCRM_POSTGRES_PASSWORD", "PINGCRM_SYNC_NATS_PASSWORD", "PINGCRM_PREP_REDIS_URL"}
    everything = dict.fromkeys(secret_names(), "s3cret")
    named = in_files(tmp_path, everything)
    read = with_secret_files(named, secret_names())
    assert {name: value for name, value in read.items() if name in everything} == everything
    assert list(check_names(named)) == [], "none of the names is taken for a slip"


def test_a_service_reads_its_settings_out_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, path in in_files(tmp_path, SECRETS).items():
        monkeypatch.setenv(name, path)
    settings = read_settings()
    assert settings.postgres_url == SECRETS["PINGCRM_POSTGRES_URL"]
    assert [key.get_secret_value() for key in settings.secret_keys] == [A_KEY]
    assert settings.google_client_secret.get_secret_value() == "s3cret"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_line_break_at_the_end_is_no_part_of_a_secret_and_blanks_are(tmp_path: Path, end: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f" two words {end}".encode())
    assert with_secret_files({f"{NAME}_FILE": str(file)}, [NAME])[NAME] == " two words "


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "and that one is empty"),
        (b"\n", "and that one is empty"),
        (b"\xff\xfe", "and that one holds no text"),
        (b"a\0b", "and that one holds no text"),
        (b"x" * (MOST_BYTES + 1), "and that one is too large for a secret"),
    ],
    ids=["empty", "blank", "binary", "nul", "large"],
)
def test_a_file_that_holds_no_secret_is_refused_in_a_sentence_without_its_content(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(UnusableSecretFile) as refused:
        with_secret_files({f"{NAME}_FILE": str(file)}, [NAME])
    assert str(refused.value) == f"{NAME}_FILE must be the path of a file with the secret in it, {reason}."


def test_both_a_value_and_a_file_or_a_file_that_is_not_there_end_a_process_with_a_sentence_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINGCRM_ANTHROPIC_API_KEY", "s3cret")
    monkeypatch.setenv("PINGCRM_ANTHROPIC_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PINGCRM_REDIS_URL_FILE", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        read_settings()
    assert sorted(str(ended.value).splitlines()) == [
        "PINGCRM_ANTHROPIC_API_KEY and PINGCRM_ANTHROPIC_API_KEY_FILE are both set: keep one of them.",
        "PINGCRM_REDIS_URL_FILE must be the path of a file that you may read, and it can't be read: Is a directory.",
        f"{NAME}_FILE must be the path of a file that you may read, and it can't be read: No such file or directory.",
    ]


def test_a_name_of_a_file_that_is_empty_is_not_set_and_other_settings_have_no_files(tmp_path: Path) -> None:
    environment = {f"{NAME}_FILE": "", NAME: A_KEY, "PINGCRM_PORT_FILE": str(tmp_path / "port")}
    assert with_secret_files(environment, secret_names()) == environment
    assert "PINGCRM_PORT" in definitions()


def test_a_service_that_the_command_becomes_has_the_names_of_the_files_in_its_environment_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda _, __, environment: began.append(environment))
    monkeypatch.chdir(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PINGCRM_")}
    relative = {name: Path(path).name for name, path in in_files(tmp_path, SECRETS).items()}
    monkeypatch.setattr(os, "environ", environment | relative | {"PINGCRM_LOG_LEVEL": "DEBUG"})
    adopt_secret_files(os.environ, secret_names())
    assert os.environ["PINGCRM_SECRET_KEYS"] == A_KEY
    commands.become("services.auth", "auth", None)
    assert not [name for name, value in began[0].items() if "s3cret" in value or A_KEY in value]
    assert {f"{name}_FILE": str(tmp_path / name) for name in SECRETS}.items() <= began[0].items()
    assert began[0]["PINGCRM_LOG_LEVEL"] == "DEBUG"
    assert without_adopted({"LOG": "1", "LOG_FILE": "2"}, secret_names()) == {"LOG": "1", "LOG_FILE": "2"}
