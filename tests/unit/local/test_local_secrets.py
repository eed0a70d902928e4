"""Passwords and keys: complete, random, private, kept."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from libs.common.ids import SERVICES
from libs.local.locate import secrets_for
from libs.local.secrets import (
    NAMES,
    PASSWORDS,
    SECRET_KEYS,
    MissingSecret,
    as_env_file,
    from_environment,
    generate,
    load,
    names_in,
)


def test_a_set_is_complete_and_no_value_is_used_twice() -> None:
    made = generate()
    assert set(made) == set(NAMES)
    assert len(set(made.values())) == len(NAMES)
    for service in SERVICES:
        assert made.postgres(service) != made.nats(service)


def test_two_sets_share_nothing() -> None:
    assert not set(generate().values()) & set(generate().values())


def test_passwords_need_no_quoting_in_urls_shells_and_nats_configuration() -> None:
    for name in PASSWORDS:
        value = generate()[name]
        assert value.isascii()
        assert value.isalnum()
        assert value[0].isalpha()
        assert len(value) >= 32


def test_the_secret_key_is_a_fernet_key() -> None:
    key = generate()[SECRET_KEYS]
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"token")) == b"token"


def test_the_text_form_shows_no_value() -> None:
    made = generate()
    assert not any(value in repr(made) or value in str(made) for value in made.values())


def test_the_file_is_written_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = load(tmp_path, {})
    assert dict(load(tmp_path, {})) == dict(first)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_name_that_is_new_is_added_and_the_others_stay(tmp_path: Path) -> None:
    first = load(tmp_path, {})
    file = tmp_path / "secrets.json"
    file.write_text(file.read_text().replace("PINGCRM_PREP_NATS_PASSWORD", "PINGCRM_FORMER_NATS_PASSWORD"))
    second = load(tmp_path, {})
    assert {name for name in NAMES if first[name] != second[name]} == {"PINGCRM_PREP_NATS_PASSWORD"}


def test_a_damaged_file_is_an_error_and_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(MissingSecret, match="damaged"):
        load(tmp_path, {})
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, {SECRET_KEYS: "mine"})[SECRET_KEYS] == "mine"
    assert load(tmp_path, {})[SECRET_KEYS] != "mine"


def test_the_env_file_gives_back_the_same_set() -> None:
    made = generate()
    lines = dict(line.split("=", 1) for line in as_env_file(made).splitlines())
    assert dict(from_environment(lines)) == dict(made)


def test_after_an_upgrade_only_what_is_new_is_printed() -> None:
    kept = "PINGCRM_PORT=1\nexport PINGCRM_AUTH_POSTGRES_PASSWORD=kept\nPINGCRM_REDIS_PASSWORD=\n# PINGCRM_NATS_PASSWORD=x\n"
    printed = from_environment(
        dict(line.split("=", 1) for line in as_env_file(generate(), without=names_in(kept)).splitlines())
    )
    assert set(NAMES) - set(printed) == {"PINGCRM_AUTH_POSTGRES_PASSWORD"}


def test_a_deployment_that_forgot_a_password_learns_its_name(tmp_path: Path) -> None:
    given = {"PINGCRM_AUTH_POSTGRES_PASSWORD": "x"}
    secrets = secrets_for(tmp_path / "none", given)
    assert secrets.postgres("auth") == "x"
    with pytest.raises(MissingSecret, match="PINGCRM_SYNC_POSTGRES_PASSWORD is not set"):
        secrets.postgres("sync")
    assert not (tmp_path / "none").exists()
