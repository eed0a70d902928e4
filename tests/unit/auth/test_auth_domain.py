"""The decisions of signing in and giving up, as tables."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.requests import AccountStatus
from services.auth.credentials import API_TOKEN_PREFIX, fingerprint, new_api_token, new_secret, state_key
from services.auth.domain.access_tokens import outlasts_a_request, reauth_reason, token_refusal
from services.auth.domain.api_tokens import api_token_name
from services.auth.domain.sign_in import (
    PendingSignIn,
    Prompt,
    granted_scopes,
    needs_consent,
    prompt_for_renewal,
    sign_in_refusal,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = frozenset(scopes.ALL)


@pytest.mark.parametrize(
    ("obtained", "alive", "testing"),
    [
        # obtained and last known alive, before now        → Google's limit for apps in Testing?
        (timedelta(minutes=5), timedelta(minutes=1), False),  # revoked at once
        (timedelta(days=2), timedelta(hours=1), False),  # revoked on the second day
        (timedelta(days=6, hours=11), timedelta(hours=1), False),
        (timedelta(days=6, hours=13), timedelta(hours=1), True),  # within the margin
        (timedelta(days=7), timedelta(hours=1), True),
        (timedelta(days=7, hours=1), timedelta(hours=1), True),
        (timedelta(days=8), timedelta(hours=1), False),  # alive on its eighth day: no such limit
        (timedelta(days=60), timedelta(hours=1), False),
        (timedelta(days=20), timedelta(days=14), True),  # we were down when it died
        (timedelta(days=200), timedelta(days=200), True),  # never used since
    ],
)
def test_the_limit_for_testing_is_named_where_the_seventh_day_lies_between_alive_and_dead(
    obtained: timedelta, alive: timedelta, testing: bool
) -> None:
    reason = reauth_reason(NOW - obtained, NOW - alive, NOW)
    assert ("Testing" in reason) == testing
    assert ("revoked" in reason) != testing


@pytest.mark.parametrize(
    ("status", "granted", "scope", "code"),
    [
        ("active", ALL, scopes.GMAIL_READ, None),
        ("active", ALL - {scopes.GMAIL_READ}, scopes.GMAIL_READ, "missing_scope"),
        ("active", ALL, "https://www.googleapis.com/auth/drive", "missing_scope"),
        ("reauth_required", ALL, scopes.GMAIL_READ, "reauth_required"),
        ("reauth_required", frozenset(), scopes.GMAIL_READ, "reauth_required"),
        ("disconnected", ALL, scopes.GMAIL_READ, "not_found"),
    ],
)
def test_a_token_is_refused_for_the_first_reason_that_fits(
    status: AccountStatus, granted: frozenset[str], scope: str, code: str | None
) -> None:
    refusal = token_refusal(status, "reason", granted, scope)
    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("holds", "granted", "prompt"),
    [
        (True, ALL, "select_account"),
        (True, ALL - {scopes.CALENDAR_READ}, "consent"),  # a permission is requested again
        (False, ALL, "consent"),  # only consent brings a refresh token
    ],
)
def test_consent_is_requested_where_it_is_needed(holds: bool, granted: frozenset[str], prompt: str) -> None:
    assert prompt_for_renewal(holds, granted) == prompt


@pytest.mark.parametrize(
    ("holds", "prompt", "again"),
    [(True, "select_account", False), (False, "select_account", True), (False, "consent", False)],
)
def test_the_browser_goes_to_google_twice_at_most(holds: bool, prompt: Prompt, again: bool) -> None:
    assert needs_consent(holds, PendingSignIn(verifier="v", nonce="n", prompt=prompt)) == again


def test_a_response_that_names_no_scopes_grants_what_was_requested() -> None:
    assert granted_scopes(None) == ALL
    assert granted_scopes(frozenset()) == frozenset()


@pytest.mark.parametrize(("seconds", "lasts"), [(121, True), (120, False), (-5, False)])
def test_a_token_is_given_while_it_lasts_over_two_minutes(seconds: int, lasts: bool) -> None:
    assert outlasts_a_request(NOW + timedelta(seconds=seconds), NOW) == lasts
    assert not outlasts_a_request(None, NOW)


@given(st.text())
def test_an_error_from_the_url_is_never_repeated(error: str) -> None:
    refusal = sign_in_refusal("x-" + error)
    assert refusal.detail == sign_in_refusal("unknown").detail
    assert refusal.status == 502


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\0b", "a\x1bb", "a\u202eb", "\u200b", "\u2066"])
def test_an_api_token_needs_a_name_of_sensible_length(name: str) -> None:
    with pytest.raises(Refused, match="invalid_name"):
        api_token_name(name)


def test_the_name_of_an_api_token_is_trimmed() -> None:
    assert api_token_name("  my\n script ") == "my script"


def test_secrets_differ_and_hold_256_bits() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {43}  # 32 bytes; a valid PKCE verifier (43 to 128)
    assert new_api_token().startswith(API_TOKEN_PREFIX)
    assert len(fingerprint(secrets.pop())) == 32


def test_a_state_is_found_by_its_own_browser_only() -> None:
    assert state_key("a", "state") != state_key("b", "state")
    assert state_key("a", "bstate") != state_key("ab", "state"), "the boundary counts"
