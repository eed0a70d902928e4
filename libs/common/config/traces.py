"""What variables of OpenTelemetry hold. Its SDK only logs a line where it can't use one, and goes on as if it were not set."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, SecretStr

from libs.common.config.format import Format, entries_of

# What the SDK takes. Of anything else it would log the words, and a token may be among them.
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[ !#-+\--:<-\[\]-~]*")


def _are_headers(value: SecretStr) -> SecretStr:
    for entry in entries_of(value.get_secret_value()):
        name, equals, text = entry.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ValueError("a name or its = is missing")
        if not _VALUE.fullmatch(text):
            raise ValueError("values have plain letters, and all else as %22 and so on")
    return value


Headers = Annotated[
    SecretStr,
    AfterValidator(_are_headers),
    Format(
        "headers as NAME=VALUE with commas between",
        good=("authorization=Bearer%20s3cret", "authorization=Bearer s3cret, x-tenant=a=,"),
        bad=(",", "s3cret", "two words=s3cret", "=s3cret", 'a="s3cret"', "a=s3crét"),
        private=True,
        secret=True,
    ),
]


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Sampler = Annotated[
    Literal[
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ],
    BeforeValidator(_lower),
]
