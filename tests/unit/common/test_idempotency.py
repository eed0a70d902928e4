"""Under a key, what a command creates has the same id at each try; without one, a fresh id each time."""

import pytest
from cryptography.exceptions import InvalidTag

from libs.common.idempotency import CommandKey, creation_id, under


def command(**parts: str) -> CommandKey:
    return CommandKey(**{"service": "auth", "subject": "auth.create_token", "user": "u", "key": "k", **parts})  # type: ignore[arg-type]


def created(key: CommandKey, what: str = "") -> object:
    with under(key):
        return creation_id(what)


def test_the_same_command_creates_the_same_and_another_another() -> None:
    assert created(command()) == created(command())
    others = [
        created(command(key="k2")),
        created(command(user="u2")),
        created(command(subject="contacts.create")),
        created(command(), "second"),
        created(command(user="u\nk", key="")),
    ]
    assert len({created(command()), *others}) == 6


def test_without_a_key_every_id_is_fresh() -> None:
    assert creation_id() != creation_id()
    with under(command()):
        assert creation_id() == creation_id()
    assert creation_id() != created(command())


def test_a_kept_reply_opens_for_its_own_command_alone() -> None:
    sealed = command().seal(b"reply")
    assert b"reply" not in sealed
    assert command().open(sealed) == b"reply"
    for other in (command(key="k2"), command(user="u2"), command(service="sync"), command(subject="x")):
        with pytest.raises(InvalidTag):
            other.open(sealed)
