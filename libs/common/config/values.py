"""Words, keys, people, levels: what is no place and not Google's."""

import re
from base64 import b64decode
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr

from libs.common.addresses import canonical
from libs.common.config.format import Format, Listed

_NO_PART_OF_A_WORD = re.compile(r"[\s'\"]")
KEY_BYTES = 32
A_KEY = "A" * 43 + "="  # of the right form, and nobody's


def _is_one_word(value: str) -> str:
    if _NO_PART_OF_A_WORD.search(value):
        raise ValueError("there are blanks or quotes in it, perhaps from copying")
    return value


def _is_one_secret_word(value: SecretStr) -> SecretStr:
    _is_one_word(value.get_secret_value())
    return value


Word = Annotated[
    str, AfterValidator(_is_one_word), Format("one word", good=("a-word_1.2",), bad=("two words", '"quoted"'))
]
Secret = Annotated[
    SecretStr,
    AfterValidator(_is_one_secret_word),
    Format(
        "one word as it was shown to you", good=("s3cret",), bad=("two words", '"quoted"'), private=True, secret=True
    ),
]


def _are_keys(keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for position, key in enumerate(keys, start=1):
        try:
            good = len(b64decode(key.get_secret_value(), altchars=b"-_", validate=True)) == KEY_BYTES
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"key {position} is none; `pingcrm secrets` prints new ones")
    return keys


Keys = Annotated[
    tuple[SecretStr, ...],
    Listed,
    AfterValidator(_are_keys),
    Format(
        f"keys of {KEY_BYTES} random bytes in URL-safe base64, with commas between",
        good=(A_KEY, f"{A_KEY},{'B' * 43}="),
        bad=(",", "short", f"{A_KEY},nonsense", f"{A_KEY} {A_KEY}"),
        private=True,
        secret=True,
    ),
]


def _canonical_address(entry: str) -> str:
    address = canonical(entry)
    if address is None:
        raise ValueError(f"{entry!r} is no address; write name@example.org, and @example.org for a whole domain")
    return address


def _canonical_domain(entry: str) -> str:
    address = canonical(f"anybody{entry}")
    if address is None:
        raise ValueError(f"{entry!r} is no domain; write @example.org")
    return "@" + address.partition("@")[2]


def _is_a_rule_or_a_list(value: tuple[str, ...]) -> tuple[str, ...]:
    """Canonical, so that entries are compared and not read again. Nothing at all is the default, which is closed."""
    words = {entry.lower() for entry in value} & {"first", "open"}
    if words and len(value) > 1:
        raise ValueError(f"{words.pop()} stands alone, or there is a list of addresses and @domains")
    if words or not value:
        return (words.pop() if words else "first",)
    return tuple(_canonical_domain(entry) if entry.startswith("@") else _canonical_address(entry) for entry in value)


def _is_address(value: str) -> str:
    if value:
        _canonical_address(value)
    return value


SignUpRule = Annotated[
    tuple[str, ...],
    Listed,
    AfterValidator(_is_a_rule_or_a_list),
    Format(
        "first, open, or addresses and @domains with commas between",
        good=("first", "open", "ann@example.org,@example.com"),
        bad=(",", "closed", "first,open", "open,ann@example.org", "@"),
    ),
]
Addresses = Annotated[
    tuple[str, ...],
    Listed,
    AfterValidator(lambda value: tuple(map(_canonical_address, value))),
    Format(
        "addresses with commas between, such as ann@example.org",
        good=("ann@example.org", "ann@example.org, bob@example.org"),
        bad=(",", "ann", "@example.org"),
    ),
]
Address = Annotated[
    str,
    AfterValidator(_is_address),
    Format(
        "an address such as name@project.iam.gserviceaccount.com", good=("a@b.example",), bad=("robot", "@b.example")
    ),
]


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)]
LogFormat = Literal["auto", "json", "pretty"]
