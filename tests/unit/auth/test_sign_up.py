"""Who may become a user, who is an operator, and whom a policy keeps out: as tables."""

import pytest

from libs.common.google.oauth import POLICIES
from services.auth.domain.policies import policy_named, policy_reason, policy_refusal
from services.auth.domain.sign_in import GoogleProfile, sign_in_refusal
from services.auth.domain.sign_up import SignUpPolicy


def profile(address: str, *, verified: bool = True) -> GoogleProfile:
    return GoogleProfile("1", address, "Ann", verified)


@pytest.mark.parametrize(
    ("rule", "operators", "address", "new", "admitted"),
    [
        # rule, operators, who comes, is nobody there yet                          → admitted?
        ("first", "", "ann@example.org", True, True),
        ("first", "", "ann@example.org", False, False),
        ("first", "ann@example.org", "ann@example.org", False, True),  # an operator is no stranger
        ("first", "ann@example.org", "bob@example.org", False, False),
        ("open", "", "ann@example.org", False, True),
        ("ann@example.org", "", "ann@example.org", False, True),
        ("ann@example.org", "", "Ann@Example.org", False, True),
        ("annlee@gmail.com", "", "Ann.Lee@googlemail.com", False, True),  # Google's own spellings of one mailbox
        ("ann@example.org", "", "bob@example.org", False, False),
        ("ann@example.org", "", "bob@example.org", True, False),  # a list holds for the first person too
        ("ann@example.org", "bob@example.org", "bob@example.org", False, True),
        ("@example.org", "", "bob@example.org", False, True),
        ("@example.org", "", "bob@EXAMPLE.ORG", False, True),
        ("@example.org", "", "bob@sub.example.org", False, False),
        ("@example.org", "", "bob@notexample.org", False, False),
        ("@example.org", "", "bob@example.org.evil.example", False, False),
        ("@example.org,ann@gmail.com", "", "ann@gmail.com", False, True),
    ],
)
def test_who_becomes_a_user(rule: str, operators: str, address: str, new: bool, admitted: bool) -> None:
    policy = SignUpPolicy(tuple(rule.split(",")), frozenset(filter(None, operators.split(","))))
    assert policy.admits(profile(address), installation_is_new=new) is admitted


@pytest.mark.parametrize("rule", [("ann@example.org",), ("@example.org",), ("first",)])
def test_an_address_that_google_does_not_vouch_for_opens_no_list(rule: tuple[str, ...]) -> None:
    policy = SignUpPolicy(rule, frozenset({"ann@example.org"}))
    assert not policy.admits(profile("ann@example.org", verified=False), installation_is_new=False)
    assert policy.admits(profile("ann@example.org"), installation_is_new=False)


@pytest.mark.parametrize(
    ("address", "verified", "owner", "operator"),
    [
        ("ann@example.org", True, False, True),
        ("ann@example.org", False, False, False),
        ("bob@example.org", True, False, False),
        ("bob@example.org", True, True, True),
        ("bob@example.org", False, True, True),
    ],
)
def test_who_operates(address: str, verified: bool, owner: bool, operator: bool) -> None:
    policy = SignUpPolicy(("open",), frozenset({"ann@example.org"}))
    assert policy.is_operator(profile(address, verified=verified), owner=owner) is operator


def test_a_refusal_states_what_became_of_the_permission_at_google() -> None:
    closed, listed = (SignUpPolicy(rule, frozenset()) for rule in (("first",), ("@example.org",)))
    assert "has its owner" in closed.refusal(revoked=True).detail
    assert "has been taken back there" in closed.refusal(revoked=True).detail
    assert "myaccount.google.com/connections" in closed.refusal(revoked=False).detail
    assert "example.org" not in listed.refusal(revoked=True).detail, "who is on the list is nobody else's affair"
    assert closed.refusal(revoked=True).status == 403


def test_each_policy_has_a_sentence_of_its_own_about_who_can_change_it() -> None:
    reasons = {policy: policy_reason(policy) for policy in POLICIES}
    assert len(set(reasons.values())) == len(POLICIES)
    assert "administrator" in reasons["admin_policy_enforced"]
    assert "Its owner can change" in reasons["policy_enforced"]
    assert "Whoever runs PingCRM can change" in reasons["org_internal"]
    assert "administrator can exempt" in reasons["invalid_rapt"].replace("\n", " ")
    for policy in POLICIES:
        assert policy_named(policy) == policy
        assert sign_in_refusal(policy).code == policy_refusal(policy).code == "policy_refused"
        assert sign_in_refusal(policy).detail == reasons[policy]
    assert policy_named("access_denied") is None
