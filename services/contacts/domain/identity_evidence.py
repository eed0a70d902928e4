"""By what somebody on another platform may be known for a contact: what a connector reports with them, what their bios name. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from libs.common.addresses import canonical, phone_key
from libs.common.events import Identity
from services.contacts.domain.identities import PHONE, kind_of_profile, read_identity
from services.contacts.domain.observations import EMAIL

PROFILE, BIO = "profile", "bio"
MAX_OF_A_SOURCE = 10
_MIN_PHONE = 8
_WORD = re.compile(r"[^\s,;|<>()\[\]\"']+")
_PHONE = re.compile(r"\+\d[\d ()./-]{6,22}")


@dataclass(frozen=True)
class Evidence:
    """`kind` and `value` as of an address. `source`: the profile as it was reported, or the bio on `platform`."""

    source: str
    platform: str
    kind: str
    value: str

    @property
    def address(self) -> tuple[str, str]:
        return self.kind, self.value


def reported_evidence(platform: str, identity: Identity) -> frozenset[Evidence]:
    """The emails and phones that a connector states of the person behind an identity of this platform."""
    emails = ((EMAIL, canonical(email)) for email in identity.emails[:MAX_OF_A_SOURCE])
    phones = ((PHONE, phone_key(phone)) for phone in identity.phones[:MAX_OF_A_SOURCE])
    return frozenset(Evidence(PROFILE, platform, kind, value) for kind, value in (*emails, *phones) if value)


def bio_evidence(platform: str, bio: str) -> frozenset[Evidence]:
    """The emails, international phone numbers and profiles that a bio names; of many the first."""
    return frozenset(Evidence(BIO, platform, *named) for named in islice(_named(bio), MAX_OF_A_SOURCE))


def _named(bio: str) -> Iterator[tuple[str, str]]:
    for found in _WORD.findall(bio):
        word = found.strip(".:!?").removeprefix("mailto:")
        email = canonical(word) if "@" in word[1:] else None
        if email and "." in email.rpartition("@")[2]:
            yield EMAIL, email
        elif (kind := kind_of_profile(word)) and (identity := read_identity(kind, word)):
            yield identity.kind, identity.value
    for number in _PHONE.findall(bio):
        key = phone_key(number)
        if key.startswith("+") and len(key) > _MIN_PHONE:
            yield PHONE, key
