"""Handles on a page: what is shown can be typed, and what is typed names its platform or leaves that to the address of a profile."""

import pytest

from libs.common.requests import ContactIdentity
from services.gateway.domain.handle_texts import handles, typed_handle, typed_handles


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
    assert [typed_handle(line.line) for line in lines] == [
        {"kind": identity.kind, "value": identity.shown} for identity in shown
    ]


def test_what_was_left_as_it_was_is_the_same_whatever_its_platform_is_called() -> None:
    named = (
        ("acme chat", "@Amara"),
        ("9chat", "amara"),
        ("a/b@c", "x"),
        ("acme", "two\nlines "),
        ("telegram", "123456789"),
    )
    held = [ContactIdentity(kind=kind, value="v", shown=shown) for kind, shown in named]
    lines = [handle.line for handle in handles(held)]
    assert all("\n" not in line for line in lines)
    typed = typed_handles([*lines, " signal c.1 ", ""], held)
    assert typed == (
        *({"kind": identity.kind, "value": identity.shown} for identity in held),
        {"kind": "signal", "value": "c.1"},
    )
