"""What signing in replies and shows, word for word."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.common import scopes
from libs.common.errors import Refused
from libs.common.requests import AccountStatus
from services.auth.domain import access_tokens, sign_in
from services.auth.domain.access_tokens import outlasts_a_request, reauth_reason, token_refusal
from services.auth.domain.api_tokens import TOKENS_PER_USER, api_token_name
from services.auth.domain.policies import policy_named, policy_reason, policy_refusal
from services.auth.domain.sign_in import GoogleProfile, PendingSignIn, granted_scopes, needs_consent, sign_in_refusal
from services.auth.domain.sign_up import SignUpPolicy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = frozenset(scopes.ALL)


def parts(refusal: Refused | None) -> tuple[int, str, str, dict[str, object]] | None:
    return None if refusal is None else (refusal.status, refusal.code, refusal.detail, refusal.extra)


@pytest.mark.parametrize(
    ("status", "granted", "scope", "refusal"),
    [
        ("active", ALL, scopes.GMAIL_SEND, None),
        ("disconnected", ALL, scopes.GMAIL_SEND, (404, "not_found", "There is no such account.", {})),
        ("reauth_required", ALL, scopes.GMAIL_SEND, (409, "reauth_required", "The reason.", {})),
        ("active", frozenset(), scopes.GMAIL_SEND,
         (403, "missing_scope", "The permission for meeting prep emails was not given to PingCRM.", {"scope": scopes.GMAIL_SEND})),
        ("active", ALL, "drive", (403, "missing_scope", "The permission for this was not given to PingCRM.", {"scope": "drive"})),
    ],
)  # fmt: skip
def test_why_no_token_is_given_out(status: AccountStatus, granted: frozenset[str], scope: str, refusal: object) -> None:
    assert parts(token_refusal(status, "The reason.", granted, scope)) == refusal


DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TESTING = (
    "Google ended the permission after 7 days, as it does for apps whose publishing status is “Testing”."
    " Reconnect the account; to stop this, publish the app in the Google Cloud console."
)
OTHERWISE = (
    "Google no longer accepts the permission: it was revoked, the account's password was changed, or it was unused for six months."
    " Reconnect the account to go on."
)


@pytest.mark.parametrize(
    ("obtained", "alive", "reason"),
    [
        (7 * DAY - 12 * HOUR, HOUR, TESTING),
        (7 * DAY - 12 * HOUR - timedelta(seconds=1), HOUR, OTHERWISE),
        (8 * DAY, 12 * HOUR, TESTING),  # half a day past its seventh day, it was last alive
        (8 * DAY, 12 * HOUR - timedelta(seconds=1), OTHERWISE),
    ],
)
def test_the_limit_of_testing_is_named_within_half_a_day(obtained: timedelta, alive: timedelta, reason: str) -> None:
    assert reauth_reason(NOW - obtained, NOW - alive, NOW) == reason


def test_a_lost_key_is_explained() -> None:
    assert access_tokens.KEY_LOST == (
        "The key with which PingCRM had encrypted the permission is lost, so that it can't be used any more."
        " Reconnect the account to go on."
    )
    assert not outlasts_a_request(None, NOW)


def test_the_name_of_a_token_may_have_a_hundred_characters() -> None:
    assert api_token_name("x" * 100) == "x" * 100
    with pytest.raises(Refused) as caught:
        api_token_name("x" * 101)
    assert parts(caught.value) == (422, "invalid_name", "Give the token a name of 1 to 100 printable characters.", {})
    assert TOKENS_PER_USER == 50


POLICIES = {
    "admin_policy_enforced": (
        "The administrator of this Google Workspace does not allow PingCRM these permissions. They can allow it in the Google Admin"
        " console, under Security, API controls, App access control; then connect the account again."
    ),
    "policy_enforced": (
        "A protection of this Google account, such as the Advanced Protection Program, keeps PingCRM out. Its owner can change that under"
        " Security at myaccount.google.com; then connect the account again."
    ),
    "org_internal": (
        "PingCRM's Google client is only for accounts of its own organization. Whoever runs PingCRM can change that in the Google Cloud"
        " console, under Audience (User type External); then connect the account again."
    ),
    "invalid_rapt": (
        "This Google Workspace asks people to sign in again after some time. Connect the account again; so that it lasts, the administrator"
        " can exempt PingCRM in the Google Admin console, under Security, Google Cloud session control (trusted apps)."
    ),
}


@pytest.mark.parametrize(("policy", "reason"), POLICIES.items())
def test_each_policy_is_explained(policy: str, reason: str) -> None:
    assert policy_named(policy) == policy
    assert policy_reason(policy) == reason
    expected = (403, "policy_refused", reason, {"policy": policy})
    assert parts(policy_refusal(policy)) == parts(sign_in_refusal(policy)) == expected


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        ("access_denied",
         (403, "access_denied", "You did not give the permission at Google, so nothing was connected.", {})),
        ("server_error", (502, "exchange_failed", "Google could not finish the sign-in. Try again in a few minutes.", {})),
        ("temporarily_unavailable",
         (502, "exchange_failed", "Google could not finish the sign-in. Try again in a few minutes.", {})),
        ("odd", (502, "exchange_failed", "Google ended the sign-in with an error. Try again.", {})),
    ],
)  # fmt: skip
def test_each_error_of_google_s_page_has_its_reply(error: str, refusal: object) -> None:
    assert parts(sign_in_refusal(error)) == refusal


def test_the_other_replies_of_a_sign_in() -> None:
    assert sign_in.NO_LASTING_PERMISSION == (
        "Google confirmed who you are, but gave no lasting permission to read this account. Connect it once more and agree on"
        " Google's page."
    )
    assert sign_in.INVALID_STATE == (
        "This sign-in is not known here: it took longer than 10 minutes, was finished before, or began in another browser."
        " Start again."
    )
    assert sign_in.OTHER_SESSION == (
        "This account was to be added in a session that has ended, or by somebody who is not signed in here any more."
        " Sign in and start again."
    )


def test_a_pending_sign_in_is_frozen_and_begins_without_a_user() -> None:
    pending = PendingSignIn(verifier="v", nonce="n", prompt="consent")
    assert (pending.user_id, pending.session_fingerprint, pending.account_id) == (None, "", None)
    with pytest.raises(ValueError, match="frozen"):
        pending.nonce = "other"
    assert not needs_consent(True, pending)
    assert granted_scopes(frozenset({"a"})) == {"a"}


def test_who_is_not_admitted_reads_why_and_what_became_of_the_permission() -> None:
    asking = "If you should be let in, ask whoever runs it. Nothing of you was kept;"
    revoked = "the permission that you gave at Google has been taken back there."
    not_revoked = "take back the permission that you gave, at https://myaccount.google.com/connections: Google could not be reached."
    first, listed = SignUpPolicy(("first",), frozenset()), SignUpPolicy(("@x.example",), frozenset())
    owned = "This PingCRM has its owner, and takes nobody else."
    named = "This PingCRM takes only people whom its operator has named, and your address is not among them."
    for policy, whose in ((first, owned), (listed, named)):
        assert parts(policy.refusal(revoked=True)) == (403, "sign_up_closed", f"{whose} {asking} {revoked}", {})
        assert parts(policy.refusal(revoked=False)) == (403, "sign_up_closed", f"{whose} {asking} {not_revoked}", {})


def test_an_unverified_newcomer_may_begin_an_installation_but_is_on_no_list() -> None:
    nobody = GoogleProfile("1", "no address", "", True)
    assert SignUpPolicy(("first",), frozenset()).admits(nobody, installation_is_new=True)
    assert not SignUpPolicy(("None",), frozenset()).admits(nobody, installation_is_new=False)


def test_the_permissions_are_google_s_and_each_turns_something_on() -> None:
    root = "https://www.googleapis.com/auth"
    assert {
        f"{root}/gmail.readonly": "mail on the timelines",
        f"{root}/gmail.send": "meeting prep emails",
        f"{root}/calendar.readonly": "meetings on the timelines and meeting prep emails",
        f"{root}/contacts.readonly": "names, phones and photos out of Google Contacts",
    } == scopes.FEATURES
    assert ("openid", "email", "profile", *scopes.FEATURES) == scopes.ALL
    assert {
        "mail": f"{root}/gmail.readonly", "calendar": f"{root}/calendar.readonly", "contacts": f"{root}/contacts.readonly",
    } == scopes.NEEDED_BY_KIND  # fmt: skip
    assert scopes.missing(frozenset(scopes.FEATURES) - {f"{root}/gmail.send"}) == {
        f"{root}/gmail.send": "meeting prep emails"
    }
