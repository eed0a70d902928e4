"""Handles on a page: what is shown can be typed, and what is typed names its platform or leaves that to the address of a profile."""

import pytest

from libs.common.requests import ContactIdentity
from services.gateway.domain.handle_texts import handles, typed_handle


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("Telegram @amara", {"kind": "telegram", "value": "@amara"}),
        ("  telegram:   @amara ", {"kind": "telegram", "value": "@amara"}),
        (
            "LinkedIn https://www.linkedin.com/in/amara",
            {"kind": "linkedin", "value": "https://www.linkedin.com/in/amara"},
        ),
        ("Phone +46 70 111 22 33", {"kind": "phone", "value": "+46 70 111 22 33"}),
        ("https://t.me/amara", {"value": "https://t.me/amara"}),
        ("t.me/amara for work", {"value": "t.me/amara for work"}),
        ("@amara", {"value": "@amara"}),
        ("+46 70 111 22 33", {"value": "+46 70 111 22 33"}),
        ("telegram", {"value": "telegram"}),
        ("telegram: ", {"value": "telegram:"}),
    ],
)
def test_a_line_names_the_platform_or_is_the_address_of_a_profile(line: str, typed: dict[str, str]) -> None:
    assert typed_handle(line) == typed


def test_what_is_shown_is_typed_again_as_the_same() -> None:
    shown = [
        ContactIdentity(kind=kind, value="v", shown=written, url="https://t.me/amara" if kind == "telegram" else "")
        for kind, written in (
            ("telegram", "@Amara"),
            ("linkedin", "amara o"),
            ("phone", "+46 70"),
            ("acme_chat", "x: y"),
        )
    ]
    lines = handles(shown)
    assert [line.line for line in lines] == ["Telegram @Amara", "LinkedIn amara o", "Phone +46 70", "Acme_chat x: y"]
    assert [line.url for line in lines] == ["https://t.me/amara", "", "", ""]
    assert [typed_handle(line.line) for line in lines] == [
        {"kind": identity.kind, "value": identity.shown} for identity in shown
    ]
