"""The settings as people read of them: in tables, and in the sentence for whoever has set one wrong."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast, get_args, get_origin

import annotated_types
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from libs.common.config import Settings, settings_from, variable
from libs.common.config.format import Format
from libs.common.config.secret_files import UnusableSecretFile, with_secret_files
from libs.common.ids import SERVICES, Service

LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Definition:
    """A setting: its variable, what holds without it, what it is for (Markdown), what it must be, which services are given it."""

    name: str
    default: str
    description: str
    format: Format
    readers: frozenset[Service]


@cache
def definitions() -> Mapping[str, Definition]:
    """All settings by their variable, in the order of `Settings`."""
    return {variable(field): _definition(field, info) for field, info in Settings.model_fields.items()}


def _definition(field: str, info: FieldInfo) -> Definition:
    extra = cast(dict[str, Any], info.json_schema_extra or {})
    return Definition(
        variable(field),
        extra.get("unset") or _in_words(info.default),
        info.description or "",
        _format(field, info),
        frozenset(extra.get("readers", SERVICES)),
    )


def _in_words(default: object) -> str:
    match default:
        case None | "" | () | SecretStr():
            return "none"
        case tuple():
            return ",".join(map(str, default))
        case float():
            return f"{default:g}"
    return str(default)


def _format(field: str, info: FieldInfo) -> Format:
    """What is said of it, or what follows from its type. TypeError: neither."""
    if formats := [part for part in info.metadata if isinstance(part, Format)]:
        return formats[0]
    if get_origin(info.annotation) is Literal:
        words = [word.lower() for word in get_args(info.annotation)]
        return Format(f"{', '.join(words[:-1])} or {words[-1]}", good=tuple(words), bad=("other", "1"))
    if info.annotation in (int, float):
        return _number(info)
    raise TypeError(f"the setting {field} needs a Format: what it must be, and values to try")


def _number(info: FieldInfo) -> Format:
    limits = {type(part): part for part in info.metadata}
    kind = "a whole number" if info.annotation is int else "a number"
    text, bad = kind, ["many", "1,5", "nan"]
    low = getattr(limits.get(annotated_types.Ge), "ge", None)
    above = getattr(limits.get(annotated_types.Gt), "gt", None)
    high = getattr(limits.get(annotated_types.Le), "le", None)
    if low is not None:
        text, bad = f"{kind} from {low}", [*bad, str(low - 1)]
    if above is not None:
        text, bad = f"{kind} above {above}", [*bad, str(above)]
    if high is not None:
        text, bad = f"{text} to {high}", [*bad, str(high + 1)]
    good = [str(value) for value in (low, high) if value is not None]
    return Format(text, good=(_in_words(info.default), *good), bad=tuple(bad))


def sentences(error: ValidationError) -> list[str]:
    """What is wrong with settings: for each that is, one sentence with its name and what it must be. No passwords."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = variable(str(problem["loc"][0]))
        expected = definitions()[name].format
        explained = problem["type"] == "value_error"
        reason = f": {problem['ctx']['error']}" if explained else _shown(problem["input"], expected)
        found.setdefault(name, f"{name} must be {expected.text}{reason}.")
    return list(found.values())


def _shown(value: object, expected: Format) -> str:
    """What it is, in place of what it must be; nothing where that might be a password."""
    if expected.private or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    return f", not {text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + '…'!r}"


def secret_settings() -> list[str]:
    """The variables that hold a secret, and can therefore come from files."""
    return [definition.name for definition in definitions().values() if definition.format.secret]


def read_settings() -> Settings:
    """Those of our own environment and its files; the process ends with sentences where they can't be used."""
    try:
        return settings_from(with_secret_files(os.environ, secret_settings()))
    except UnusableSecretFile as error:
        sys.exit(str(error))
    except ValidationError as error:
        sys.exit("\n".join(sentences(error)))
