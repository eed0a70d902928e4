"""Dead letters: messages that a service gave up on, kept in the stream DEAD for `pingcrm dead`.

    dead.{service}.{user}.{account}.{original subject}      `-` where there is no user, no account, or none can be read

The subject names whom a letter is about, so that what is deleted for them is deleted here too, by a filter and without reading
anything. Letters written before that was so are `dead.{service}.{original subject}`.
"""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import orjson

from libs.common.ids import AccountId, Service, UserId
from libs.common.log import TRACE_HEADER, current_trace, without_values

NOBODY = "-"
ENCODING_HEADER = "Pingcrm-Encoding"
MAX_REASON_CHARACTERS = 500
MAX_HEADER_CHARACTERS = 500
MAX_ATTEMPTS_DIGITS = 9
MAX_PAYLOAD_BYTES = 128 * 2**20  # unpacked: what no event of ours comes near
YEARS = range(1970, 9999)  # in which every time zone has a day


@dataclass(frozen=True)
class Letter:
    """What is given up, why, and by whom. `about`: the `user` and the `account` that it concerns, where they are known."""

    subject: str
    payload: bytes
    reason: str
    consumer: str
    attempts: int = 1
    about: Mapping[str, UUID] = field(default_factory=dict)

    def address(self, service: Service) -> str:
        """The subject under which `service` stores it."""
        user, account = self.about.get("user", NOBODY), self.about.get("account", NOBODY)
        return f"dead.{service}.{user}.{account}.{self.subject}"

    @property
    def short_reason(self) -> str:
        """The reason as one line that fits into a header, without values that it may quote."""
        return without_values(" ".join(self.reason.split()))[:MAX_REASON_CHARACTERS]

    def headers(self) -> dict[str, str]:
        return {
            "Pingcrm-Reason": _in_ascii(self.short_reason),
            "Pingcrm-Attempts": str(self.attempts),
            "Pingcrm-Subject": self.subject,
            "Pingcrm-Consumer": self.consumer,
            "Pingcrm-At": datetime.now(UTC).isoformat(),
            TRACE_HEADER: current_trace(),
        }


def _in_ascii(reason: str) -> str:
    """As a header can be read again by every client of the bus."""
    return reason.replace("…", "...").encode("ascii", "backslashreplace").decode()[:MAX_REASON_CHARACTERS]


def compressed(payload: bytes) -> tuple[bytes, dict[str, str]]:
    """The payload made smaller, and the header that says so: for one that is larger than the bus carries."""
    return gzip.compress(payload), {ENCODING_HEADER: "gzip"}


def payload_of(data: bytes, headers: Mapping[str, str]) -> bytes:
    """The payload as it was before `compressed`; as it is stored where it was not compressed so, whatever the header says."""
    if headers.get(ENCODING_HEADER) != "gzip":
        return data
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        payload = unpacking.decompress(data, MAX_PAYLOAD_BYTES)
    except zlib.error:
        return data
    return payload if unpacking.eof else data


def readable(header: object) -> str:
    """A header as it is shown: whoever may write letters may write anything there. The client makes an object of what is not ASCII."""
    text = str(header)[:MAX_HEADER_CHARACTERS]
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def read_attempts(header: str) -> int | None:
    """How often it was tried; None where that is no number."""
    is_number = header.isascii() and header.isdecimal() and len(header) <= MAX_ATTEMPTS_DIGITS
    return int(header) if is_number else None


def read_time(header: str) -> datetime | None:
    """When it was given up, in UTC; None where that is no moment that a page can show."""
    try:
        moment = datetime.fromisoformat(header)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo and moment.year in YEARS else None


def original_subject(address: str) -> str:
    """The subject of the message that a letter's address holds, in the address's old and new form."""
    parts = address.split(".")
    return ".".join(parts[4:] if is_addressed(address) else parts[2:])


def is_addressed(address: str) -> bool:
    """Whether an address names its user (or that there is none): the old form begins with a word of the original subject."""
    third = address.split(".")[2:3]
    return third == [NOBODY] or (third != [] and _uuid(third[0]) is not None)


def purge_filter(user_id: UserId, account_id: AccountId | None = None) -> str:
    """The addresses of all letters about a user, or about one of the user's accounts."""
    return f"dead.*.{user_id}.{account_id or '*'}.>"


def read_about(payload: bytes) -> dict[str, UUID]:
    """The `user` and the `account` in a payload that did not parse, as far as they can be read; both have to be ids."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return {}
    places = [value, value.get("meeting")] if isinstance(value, dict) else []
    about: dict[str, UUID] = {}
    for place in places:
        for name in ("user", "account"):
            if isinstance(place, dict) and (found := _uuid(place.get(f"{name}_id"))):
                about.setdefault(name, found)
    return about


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
