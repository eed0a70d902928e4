"""What the user asked not to record: what a rule may be about, whom it covers, and what is left of an item or a card without them."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from libs.common.ids import AccountId, UserId
from services.contacts.domain.cards import GoogleCard
from services.contacts.domain.exclusions import (
    ExclusionRules,
    card_without_excluded,
    wanted_exclusion,
    without_excluded,
)
from services.contacts.domain.observations import Observation, ObservedItem, Participant
from services.contacts.domain.public_mail_domains import is_public

SPACE = UUID("0197c0de-0000-7000-8000-000000000000")
ME, ANN, BOB = "me@gmail.com", "ann@x.example", "bob@beta.example"
ACCOUNT, USER = AccountId(uuid5(SPACE, "account")), UserId(uuid5(SPACE, "user"))


def rules(*written: str) -> ExclusionRules:
    wanted = [wanted_exclusion(text) for text in written]
    return ExclusionRules({(rule.kind, rule.value): uuid5(SPACE, rule.value) for rule in wanted if rule}, {ME})


def item(*people: str) -> Observation:
    """`role:address`, each."""
    participants = tuple(
        Participant(role, "email", address, address) for role, address in (p.split(":") for p in people)
    )
    observed = ObservedItem(datetime(2024, 6, 1, tzinfo=UTC), "message", participants, "title", "text", "thread")
    return Observation(USER, ACCOUNT, "email", "m1", 3, "<m1>", observed)


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        (" Ann@X.example ", "email", ANN),
        ("A.n.n+news@googlemail.com", "email", "ann@gmail.com"),
        ("X.Example", "domain", "x.example"),
        ("@x.example.", "domain", "x.example"),
        ("bücher.example", "domain", "xn--bcher-kva.example"),
        ("ann@bücher.example", "email", "ann@xn--bcher-kva.example"),
    ],
)
def test_a_rule_is_compared_in_the_canonical_form_of_what_was_typed(written: str, kind: str, value: str) -> None:
    wanted = wanted_exclusion(written)
    assert wanted is not None
    assert (wanted.kind, wanted.value) == (kind, value)


@pytest.mark.parametrize("written", ["", "  ", "@", "a b", "ann@", "a@b@c.example", "x..example", "http://x.example/"])
def test_what_is_neither_an_address_nor_a_domain_makes_no_rule(written: str) -> None:
    assert wanted_exclusion(written) is None


@pytest.mark.parametrize(
    ("rule", "address", "covered"),
    [
        (ANN, ANN, True),
        (ANN, "ann+news@x.example", True),
        ("ann+news@x.example", ANN, False),
        (ANN, "joann@x.example", False),
        ("x.example", ANN, True),
        ("x.example", "ann@mail.eu.x.example", True),
        ("mail.x.example", ANN, False),
        ("x.example", "ann@notx.example", False),
        ("gmail.example", ME, False),
    ],
)
def test_a_rule_covers_tags_and_what_is_below_its_domain_and_nothing_beside_it(
    rule: str, address: str, covered: bool
) -> None:
    assert bool(rules(rule).matching("email", address)) is covered


def test_nothing_of_the_user_is_ever_left_out() -> None:
    mine = ExclusionRules({("domain", "work.example"): uuid5(SPACE, "work")}, {"me@work.example"})
    assert not mine.matching("email", "me@work.example")
    assert not mine.matching("email", "me+x@work.example")
    assert mine.matching("email", "boss@work.example")


@pytest.mark.parametrize(
    ("people", "kept"),
    [
        ((f"from:{ANN}", f"to:{ME}", f"cc:{BOB}"), None),  # they wrote it
        ((f"from:{ME}", f"to:{ANN}"), None),  # nobody but me is left
        ((f"from:{ME}", f"to:{ANN}", f"cc:{BOB}"), {ME, BOB}),
        ((f"from:{BOB}", f"to:{ME}", f"to:{ANN}", f"cc:{ANN}"), {ME, BOB}),
        ((f"attendee:{ANN}", f"organizer:{ME}"), None),
        ((f"attendee:{ANN}", f"attendee:{BOB}", f"organizer:{ANN}"), {BOB}),
        ((f"from:{BOB}", f"to:{ME}"), {ME, BOB}),
        ((f"other:{ANN}", f"other:{BOB}"), None),  # of a report it is not known who wrote it
        ((f"from:{ME}", f"to:{ME}"), {ME}),  # a note to myself has nothing of theirs
    ],
)
def test_an_item_goes_with_its_author_or_its_last_guest_and_else_stays_without_them(
    people: tuple[str, ...], kept: set[str] | None
) -> None:
    before = item(*people)
    rest, left = without_excluded(before, rules(ANN))
    if kept is None:
        assert rest == replace(before, item=None, group="")
        assert left.whole
    else:
        assert rest.item is not None
        assert before.item is not None
        assert {participant.value for participant in rest.item.participants} == kept
        assert rest.item.participant_count == before.item.participant_count, "how many were on it stays known"
        assert not left.whole
    assert bool(left.rules) is any(ANN in who for who in people)


@pytest.mark.parametrize(
    ("emails", "phones", "excluded", "kept"),
    [
        ((ANN,), ("+46700000000",), ("x.example",), None),
        ((ANN, BOB), (), ("x.example",), (BOB,)),
        ((BOB,), (), ("x.example",), (BOB,)),
        ((), ("+46700000000",), ("x.example",), ()),
    ],
)
def test_a_card_goes_with_its_last_email(
    emails: tuple[str, ...], phones: tuple[str, ...], excluded: tuple[str, ...], kept: tuple[str, ...] | None
) -> None:
    card = GoogleCard(USER, ACCOUNT, "people/1", 7, True, "Ann", "ann", emails=emails, phones=phones, phone_keys=phones)
    rest, left = card_without_excluded(card, rules(*excluded))
    if kept is None:
        assert rest == GoogleCard(USER, ACCOUNT, "people/1", 7, live=False)
        assert left.whole
    else:
        assert (rest.name, rest.emails) == ("Ann", kept)
        assert not left.whole


def test_a_card_without_emails_goes_with_its_last_phone() -> None:
    phones = ("+46700000000", "+46700000001")
    card = GoogleCard(USER, ACCOUNT, "people/1", 7, True, "Ann", phones=phones, phone_keys=phones)
    first = {("phone", phones[0]): uuid5(SPACE, "1")}
    assert card_without_excluded(card, ExclusionRules(first))[0] == card
    both = first | {("phone", phones[1]): uuid5(SPACE, "2")}
    assert not card_without_excluded(card, ExclusionRules(both))[0].live
    german = replace(card, phones=("0171 1234567",), canonical_phones=("+491711234567",))
    for key in ("01711234567", "+491711234567"):
        assert not card_without_excluded(german, ExclusionRules({("phone", key): uuid5(SPACE, "1")}))[0].live, (
            "however the number is written in the rule"
        )


@pytest.mark.parametrize(
    "domain", ["gmail.com", "yahoo.co.uk", "gmx.net", "web.de", "co.uk", "com", "outlook.com", "icloud.com"]
)
def test_a_domain_where_anybody_has_an_address_is_public(domain: str) -> None:
    assert is_public(domain)


@pytest.mark.parametrize(
    "domain", ["acme.com", "acme.co.uk", "yahoo.acme.com", "gmail.acme.co.uk", "live.nation.com", "x.io"]
)
def test_a_domain_of_an_organisation_is_not_public(domain: str) -> None:
    assert not is_public(domain)
