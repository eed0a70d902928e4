"""What the user asked not to record, and what is left of an item or a card without it: docs/rules.md, "Do not record"."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from libs.common.addresses import canonical, is_me, without_tag
from services.contacts.domain.cards import GoogleCard
from services.contacts.domain.observations import Observation, Participant, email_participant
from services.contacts.domain.phones import canonical_by_entry, phone_keys
from services.contacts.domain.text import cleaned

DOMAIN, EMAIL, PHONE = "domain", "email", "phone"
MAX_WRITTEN = 320
_PROBE = "somebody@"


@dataclass(frozen=True)
class Wanted:
    """What a rule is to be about, as it was typed and in the form in which it is compared."""

    kind: str
    value: str
    shown: str


@dataclass(frozen=True)
class ExclusionRules:
    """One user's rules in force, by kind and canonical value, and the addresses that are the user: of them nothing is ever left out."""

    rules: Mapping[tuple[str, str], UUID]
    own: Collection[str] = ()

    def matching(self, kind: str, value: str) -> frozenset[UUID]:
        """The rules that this address falls under: its own, and those of its domain and the ones above."""
        if kind != EMAIL:
            keys = [(kind, value)]
        elif is_me(value, self.own):
            return frozenset()
        else:
            keys = [(EMAIL, value), (EMAIL, without_tag(value)), *((DOMAIN, domain) for domain in _domains_of(value))]
        return frozenset(self.rules[key] for key in keys if key in self.rules)

    def is_own(self, participant: Participant) -> bool:
        return participant.kind == EMAIL and is_me(participant.value, self.own)


@dataclass(frozen=True)
class LeftOut:
    """By which rules something was left out. `whole`: nothing of it is kept."""

    rules: frozenset[UUID]
    whole: bool


NOTHING = LeftOut(frozenset(), whole=False)


def wanted_exclusion(written: str) -> Wanted | None:
    """An address, or a domain with or without an `@` before it; None where it is neither."""
    text = cleaned(written, MAX_WRITTEN).strip("<> ")
    if address := email_participant("other", text):
        return Wanted(EMAIL, address.value, address.shown)
    domain = text.removeprefix("@").rstrip(".")
    probed = canonical(_PROBE + domain) if domain and "@" not in domain else None
    return Wanted(DOMAIN, probed.rpartition("@")[2], domain.lower()) if probed else None


def without_excluded(observation: Observation, exclusions: ExclusionRules) -> tuple[Observation, LeftOut]:
    """What is kept of an observation: nothing of what somebody excluded wrote, or where nobody but me is left; else all but them.

    Of what another platform reports nothing, either: who wrote it is not known, and its identities may all be one person's.
    """
    item = observation.item
    if item is None:
        return observation, NOTHING
    excluded = {participant.address for participant in item.participants if exclusions.matching(*participant.address)}
    if not excluded:
        return observation, NOTHING
    rules = frozenset(rule for address in excluded for rule in exclusions.matching(*address))
    kept = tuple(participant for participant in item.participants if participant.address not in excluded)
    theirs = any(
        participant.role in ("from", "other") for participant in item.participants if participant.address in excluded
    )
    if theirs or all(map(exclusions.is_own, kept)):
        return replace(observation, item=None, group=""), LeftOut(rules, whole=True)
    # They still count towards how many were on it, as those do of whom only the number is kept.
    rest = replace(item, participants=kept, left_out=item.left_out + len(excluded))
    return replace(observation, item=rest), LeftOut(rules, whole=False)


def card_without_excluded(card: GoogleCard, exclusions: ExclusionRules) -> tuple[GoogleCard, LeftOut]:
    """What is kept of a card: nothing where all its emails are excluded (where it has none: all its phones), else all but those emails."""
    if not card.emails:
        return _without_excluded_phones(card, exclusions)
    found = [email for email in card.emails if exclusions.matching(EMAIL, email)]
    if not found:
        return card, NOTHING
    rules = frozenset(rule for email in found for rule in exclusions.matching(EMAIL, email))
    if len(found) == len(card.emails):
        return blank(card), LeftOut(rules, whole=True)
    return replace(card, emails=tuple(email for email in card.emails if email not in found)), LeftOut(
        rules, whole=False
    )


def _without_excluded_phones(card: GoogleCard, exclusions: ExclusionRules) -> tuple[GoogleCard, LeftOut]:
    """A phone is excluded by any of its keys."""
    canonical_forms = canonical_by_entry(zip(card.phones, card.canonical_phones, strict=False))
    phones = [keys for shown in card.phones if (keys := phone_keys([shown], canonical_forms))]
    found = [frozenset(rule for key in keys for rule in exclusions.matching(PHONE, key)) for keys in phones]
    if not found or not all(found):
        return card, NOTHING
    return blank(card), LeftOut(frozenset().union(*found), whole=True)


def blank(card: GoogleCard) -> GoogleCard:
    """That there is a card, and nothing of what is on it."""
    return GoogleCard(card.user_id, card.account_id, card.resource_name, card.revision, live=False)


def _domains_of(address: str) -> Iterable[str]:
    """The domain of an address, and those above it."""
    labels = address.rpartition("@")[2].split(".")
    return (".".join(labels[begin:]) for begin in range(len(labels)))
