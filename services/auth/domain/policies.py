"""Policies by which Google refuses an account its tokens: what happened, and who can change it."""

from collections.abc import Mapping

from libs.common.errors import Refused

_REASONS: Mapping[str, str] = {
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


def policy_named(error: str) -> str | None:
    """The policy that an error on the way back from Google names; None where it names none."""
    return error if error in _REASONS else None


def policy_reason(policy: str) -> str:
    """Why the account can't be read, in plain words, and who can change it."""
    return _REASONS[policy]


def policy_refusal(policy: str) -> Refused:
    """The reply to a sign-in that a policy forbids."""
    return Refused(403, "policy_refused", policy_reason(policy), policy=policy)
