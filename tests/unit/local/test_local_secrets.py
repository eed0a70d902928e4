"""Passwords and keys: complete, random, private, kept."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from libs.common.ids import SERVICES
from libs.local.data_dir import create
from libs.local.locate import secrets_for
from libs.local.secrets import (
    KEYS,
    NAMES,
    PASSWORDS,
    POSTGRES_ADMIN,
    SECRET_KEYS,
    LostSecrets,
    MissingSecret,
    as_env_file,
    from_environment,
    generate,
    load,
    names_in,
    renew,
    why_lost,
)


def test_a_data_folder_can_be_listed_and_written_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    create(folder)
    assert folder.stat().st_mode & 0o066 == 0


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


@pytest.mark.parametrize("name", KEYS)
def test_a_key_is_a_fernet_key(name: str) -> None:
    key = generate()[name]
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


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_damaged_file_is_an_error_and_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "secrets.json").write_text(text)
    with pytest.raises(MissingSecret, match="damaged"):
        load(tmp_path, {})
    assert (tmp_path / "secrets.json").read_text() == text


def used_folder(folder: Path) -> Path:
    """As an earlier run leaves it, without its secrets."""
    (folder / "postgres" / "data").mkdir(parents=True)
    (folder / "postgres" / "data" / "PG_VERSION").write_text("18\n")
    return folder


def test_secrets_of_a_folder_with_data_are_never_made_anew_in_silence(tmp_path: Path) -> None:
    for read in (load, secrets_for):
        with pytest.raises(LostSecrets, match="pingcrm up --new-secrets"):
            read(used_folder(tmp_path / read.__name__), {})
        assert not (tmp_path / read.__name__ / "secrets.json").exists()


@pytest.mark.parametrize("name", [POSTGRES_ADMIN, SECRET_KEYS])
def test_a_file_without_what_opens_the_data_is_as_good_as_lost(tmp_path: Path, name: str) -> None:
    load(tmp_path, {})
    used_folder(tmp_path)
    file = tmp_path / "secrets.json"
    file.write_text(file.read_text().replace(name, "PINGCRM_FORMER"))
    assert why_lost(tmp_path, {})
    assert why_lost(tmp_path, {name: "given"}) is None


def test_with_servers_of_ones_own_only_the_key_of_the_tokens_can_be_lost(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert why_lost(tmp_path, {})
    assert why_lost(tmp_path, {SECRET_KEYS: "given"}) is None


def test_new_secrets_keep_what_is_left_and_are_written_at_the_end_only(tmp_path: Path) -> None:
    first = load(tmp_path, {})
    used_folder(tmp_path)
    file = tmp_path / "secrets.json"
    file.write_text(file.read_text().replace(SECRET_KEYS, "PINGCRM_FORMER"))
    renewal = renew(tmp_path, {"PINGCRM_NATS_PASSWORD": "given"})
    assert why_lost(tmp_path, {})
    assert renewal.secrets["PINGCRM_NATS_PASSWORD"] == "given"
    renewal.keep()
    assert why_lost(tmp_path, {}) is None
    assert {name for name in NAMES if load(tmp_path, {})[name] != first[name]} == {SECRET_KEYS}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_file_is_kept_aside_when_new_secrets_are_made(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text("{")
    renewal = renew(tmp_path, {})
    assert (tmp_path / "secrets.json").read_text() == "{"
    renewal.keep()
    assert dict(load(tmp_path, {})) == dict(renewal.secrets)
    assert (tmp_path / "secrets.damaged").read_text() == "{"


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
