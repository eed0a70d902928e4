"""Names of Pub/Sub, and what Gmail's methods cost."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator

from libs.common.config.format import Format

# Gmail's prices in quota units, as of 1 May 2026. https://developers.google.com/workspace/gmail/api/reference/quota
GMAIL_UNITS: Mapping[str, int] = {
    "getProfile": 1,
    "history.list": 2,
    "messages.get": 20,
    "messages.list": 5,
    "messages.send": 100,
    "settings.sendAs.list": 1,
    "stop": 50,
    "threads.get": 40,
    "watch": 100,
}

_PUBSUB_NAME = re.compile(r"projects/[^/\s]+/(topics|subscriptions)/[^/\s]+")


def _is_resource_of(kind: Literal["topics", "subscriptions"]) -> Callable[[str], str]:
    """Pub/Sub's full names; a bare one would only fail once it is used."""

    def check(value: str) -> str:
        name = _PUBSUB_NAME.fullmatch(value)
        if value and (name is None or name[1] != kind):
            raise ValueError(f"write it in full, as projects/PROJECT/{kind}/NAME")
        return value

    return check


Topic = Annotated[
    str,
    AfterValidator(_is_resource_of("topics")),
    Format(
        "a topic of Pub/Sub such as projects/PROJECT/topics/gmail",
        good=("projects/p/topics/t",),
        bad=("gmail", "projects/p/subscriptions/s", "projects/p/topics/"),
    ),
]
Subscription = Annotated[
    str,
    AfterValidator(_is_resource_of("subscriptions")),
    Format(
        "a subscription of Pub/Sub such as projects/PROJECT/subscriptions/gmail-pull",
        good=("projects/p/subscriptions/s",),
        bad=("gmail-pull", "projects/p/topics/t"),
    ),
]


def _as_prices(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("that is no JSON") from None


def _complete_the_prices(value: Mapping[str, int]) -> Mapping[str, int]:
    if unknown := value.keys() - GMAIL_UNITS.keys():
        raise ValueError(f"there are no such methods: {', '.join(sorted(unknown))}")
    if any(units < 0 for units in value.values()):
        raise ValueError("a price is a whole number from 0")
    return {**GMAIL_UNITS, **value}


Prices = Annotated[
    Mapping[str, int],
    BeforeValidator(_as_prices),
    AfterValidator(_complete_the_prices),
    Format(
        'prices by method as JSON, such as {"messages.get": 5}',
        good=('{"messages.get": 5, "threads.get": 10}', "{}"),
        bad=("{bad", "5", "[]", '{"messages.take": 1}', '{"messages.get": -1}', '{"messages.get": "much"}'),
    ),
]
