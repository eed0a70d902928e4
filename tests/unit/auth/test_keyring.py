"""Tokens at rest: open for their account, use and key, and for nothing else."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.ids import AccountId, new_id
from services.auth.keyring import BadKey, Keyring, Undecryptable

OLD = urlsafe_b64encode(b"o" * 32).decode()
NEW = urlsafe_b64encode(b"n" * 32).decode()
ACCOUNT = AccountId(new_id())
OTHER = AccountId(new_id())


@given(st.text())
def test_what_was_sealed_opens_for_its_account_and_use(token: str) -> None:
    keys = Keyring([OLD])
    assert keys.open(keys.seal(token, ACCOUNT, "refresh"), ACCOUNT, "refresh") == token


def test_a_sealed_token_opens_neither_for_another_account_nor_for_another_use() -> None:
    keys = Keyring([OLD])
    sealed = keys.seal("1//token", ACCOUNT, "refresh")
    with pytest.raises(Undecryptable):
        keys.open(sealed, OTHER, "refresh")
    with pytest.raises(Undecryptable):
        keys.open(sealed, ACCOUNT, "access")


def test_a_sealed_sign_in_opens_under_its_own_key_only_and_an_error_does_not_repeat_that() -> None:
    keys = Keyring([OLD])
    sealed = keys.seal("{}", "auth:state:one", "sign_in")
    assert keys.open(sealed, "auth:state:one", "sign_in") == "{}"
    for owner, use in (("auth:state:two", "sign_in"), ("auth:state:one", "refresh")):
        with pytest.raises(Undecryptable) as caught:
            keys.open(sealed, owner, use)
        assert "auth:state" not in str(caught.value)


@given(st.data())
def test_a_changed_byte_anywhere_is_an_error_never_a_value(data: st.DataObject) -> None:
    keys = Keyring([OLD, NEW])
    sealed = bytearray(keys.seal("1//token", ACCOUNT, "refresh"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Undecryptable):
        keys.open(bytes(sealed), ACCOUNT, "refresh")


@given(st.binary(max_size=80))
def test_whatever_else_lies_in_the_column_is_an_error(junk: bytes) -> None:
    with pytest.raises(Undecryptable):
        Keyring([OLD]).open(junk, ACCOUNT, "refresh")


@given(st.integers(0, 40))
def test_a_token_that_was_cut_off_is_an_error(length: int) -> None:
    keys = Keyring([OLD])
    with pytest.raises(Undecryptable):
        keys.open(keys.seal("1//0" + "x" * 40, ACCOUNT, "refresh")[:length], ACCOUNT, "refresh")


def test_the_first_key_seals_and_all_keys_open() -> None:
    sealed = Keyring([OLD]).seal("1//token", ACCOUNT, "refresh")
    both = Keyring([NEW, OLD])

    assert both.open(sealed, ACCOUNT, "refresh") == "1//token"
    assert not both.is_current(sealed)
    resealed = both.seal("1//token", ACCOUNT, "refresh")
    assert both.is_current(resealed)
    assert Keyring([NEW]).open(resealed, ACCOUNT, "refresh") == "1//token"
    with pytest.raises(
        Undecryptable, match=f"The token of account {ACCOUNT} is sealed with a key that is not configured"
    ):
        Keyring([OLD]).open(resealed, ACCOUNT, "refresh")


def test_sealing_twice_gives_different_bytes() -> None:
    keys = Keyring([OLD])
    assert keys.seal("token", ACCOUNT, "access") != keys.seal("token", ACCOUNT, "access")


@pytest.mark.parametrize("keys", [[], [""], ["short"], [OLD, "not base64 ✗"], [OLD[:-2]]])
def test_a_key_that_is_none_is_refused_with_a_sentence(keys: list[str]) -> None:
    with pytest.raises(BadKey, match="PINGCRM_SECRET_KEYS") as caught:
        Keyring(keys)
    assert "short" not in str(caught.value).replace("short)", "")


def test_nothing_printed_of_a_keyring_shows_its_keys() -> None:
    assert OLD not in repr(Keyring([OLD]))


def test_the_documented_order_of_changing_a_key_has_no_step_at_which_a_replica_can_not_open_a_value() -> None:
    """docs/operating.md, Changing the keys. At each step some replicas have been restarted and others not, and all share the database."""
    held: list[bytes] = []

    def restart(before: list[str], after: list[str]) -> None:
        held.extend(Keyring(writing).seal("1//token", ACCOUNT, "refresh") for writing in (before, after))
        for reading in (before, after):
            assert {Keyring(reading).open(sealed, ACCOUNT, "refresh") for sealed in held} == {"1//token"}

    restart([OLD], [OLD, NEW])
    restart([OLD, NEW], [NEW, OLD])
    rotating = Keyring([NEW, OLD])
    held[:] = [rotating.seal(rotating.open(sealed, ACCOUNT, "refresh"), ACCOUNT, "refresh") for sealed in held]
    assert all(rotating.is_current(sealed) for sealed in held)
    restart([NEW, OLD], [NEW])

    with pytest.raises(Undecryptable):  # and this is why it is put behind first
        Keyring([OLD]).open(Keyring([NEW, OLD]).seal("1//token", ACCOUNT, "refresh"), ACCOUNT, "refresh")
