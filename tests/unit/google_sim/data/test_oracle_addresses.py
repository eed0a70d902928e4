import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.google_sim.oracle.addresses import Mailbox, Me, canonical, is_bounce, is_noreply, mailboxes
from tests.support.strategies import hostile_forms

CANONICAL = [
    # written, canonical
    ("Jane@Example.COM", "jane@example.com"),
    ("<jane@example.com>", "jane@example.com"),
    (" 'jane@example.com' ", "jane@example.com"),
    ("jane@example.com.", "jane@example.com"),
    ("jane @ example . com", "jane@example.com"),
    ("ja\x00ne@exam\u200bple.com", "jane@example.com"),
    ("J.D.oe+news@GoogleMail.com", "jdoe@gmail.com"),
    ("j.doe+news@workspace.example", "j.doe+news@workspace.example"),
    ('"j.doe"@gmail.com', "jdoe@gmail.com"),
    ("jörg@Bücher.example", "jörg@xn--bcher-kva.example"),
    ("jörg@xn--bcher-kva.example", "jörg@xn--bcher-kva.example"),
    # not an address
    ("", None),
    ("jane", None),
    ("@example.com", None),
    ("jane@", None),
    ("jane@.", None),
    ("jane@ex_ample.com", None),
    ("jane@[127.0.0.1]", None),
    ("a@b@example.com", None),
    ("jane doe@example.com", None),
    ('"jane doe"@example.com', None),
    ('"a@b"@example.com', None),
    ("+tag@gmail.com", None),
    (f"{'a' * 250}@example.com", None),
]


@pytest.mark.parametrize(("written", "expected"), CANONICAL)
def test_an_address_has_one_canonical_form_or_none(written: str, expected: str | None) -> None:
    assert canonical(written) == expected


LISTS = [
    # header, (name, canonical address) of each entry
    ("a@x.org, B <b@x.org>", [("", "a@x.org"), ("B", "b@x.org")]),
    ('"Doe, Jane" <jane@x.org>', [("Doe, Jane", "jane@x.org")]),
    ("jane@x.org (Jane Doe)", [("Jane Doe", "jane@x.org")]),
    ("pete(his account)@silly.test(his host)", [("his account his host", "pete@silly.test")]),
    ("undisclosed-recipients:;", []),
    (
        "A Group:Chris <c@a.test>,joe@where.test;, z@x.org",
        [("Chris", "c@a.test"), ("", "joe@where.test"), ("", "z@x.org")],
    ),
    ("<Undisclosed-Recipient:;>", [("", None)]),
    ("<@test.com, @test.ru:test@attack.com>", [("", "test@attack.com")]),
    ("Big Bug bb@bug.com", [("Big Bug", "bb@bug.com")]),
    ("one@x.org two@x.org", [("", None)]),
    ("<Undisclosed Recipients@x.org>", [("", None)]),
    ("test1@local>", [("", "test1@local")]),
    ('"unclosed <a@b.c>, d@e.f', [("unclosed", "a@b.c"), ("", "d@e.f")]),
    ("S <abc, x@y.z, Foo <d@e.f>", [("S", None), ("", "x@y.z"), ("Foo", "d@e.f")]),
    ("=?utf-8?q?Doe=2C_J=C3=B6rg?= <j@x.org>", [("Doe, Jörg", "j@x.org")]),
    ("=?utf-8?b?broken!?= <j@x.org>", [("=?utf-8?b?broken!?=", "j@x.org")]),
    ("=?no-such-charset?q?J?= <j@x.org>", [("=?no-such-charset?q?J?=", "j@x.org")]),
    ("mailto:jane@x.org", [("", "jane@x.org")]),
    ("'xxxxx@xxxxx' <matmail>", [("'xxxxx@xxxxx'", None)]),
    ("Ann Lee, PhD <a@x.org>, b@x.org", [("Ann Lee, PhD", "a@x.org"), ("", "b@x.org")]),
    ("Acme, Inc. via List <a@x.org>", [("Acme, Inc. via List", "a@x.org")]),
    ("Ann @ Acme, Inc. <a@x.org>", [("Ann @ Acme, Inc.", "a@x.org")]),
    ("ann @ x.org, Bob <b@x.org>", [("", "ann@x.org"), ("Bob", "b@x.org")]),
    ("b@x, Ann <a@x.org>", [("", "b@x"), ("Ann", "a@x.org")]),
    ('Lee, Ann; "Bob" <b@x.org>', [("Lee", None), ("Ann", None), ("Bob", "b@x.org")]),
    ('Ann, "Bob" <b@x.org>', [("Ann", None), ("Bob", "b@x.org")]),
    ("Ann, team: Bob <b@x.org>;", [("Ann", None), ("Bob", "b@x.org")]),
]


@pytest.mark.parametrize(("header", "expected"), LISTS)
def test_a_header_is_split_before_it_is_decoded(header: str, expected: list[tuple[str, str | None]]) -> None:
    assert [(box.name, box.address) for box in mailboxes(header)] == expected


@given(st.text())
def test_a_canonical_address_is_its_own_canonical_form(text: str) -> None:
    address = canonical(text)
    assert address is None or (canonical(address) == address and address.count("@") == 1 and address == address.strip())


@given(st.text(alphabet='ab@.,;:<>()"\\ \t=?é\x00', max_size=80) | hostile_forms(200))
def test_no_header_breaks_the_parser(header: str) -> None:
    assert all(isinstance(box, Mailbox) and box.address != "" for box in mailboxes(header))


@given(st.from_regex(r"[a-z][a-z0-9.]{0,9}", fullmatch=True), st.from_regex(r"[a-z0-9]{0,9}", fullmatch=True))
def test_at_gmail_dots_and_tags_do_not_matter(local: str, tag: str) -> None:
    assert canonical(f"{local}+{tag}@googlemail.com") == canonical(f"{local.replace('.', '')}@gmail.com")


@pytest.mark.parametrize("hostile", ['"', "(", "<", ":", "\\", " ", "a ", "@ ", '"a', "(a", "a,", "=?a?q?", "=?a?q? "])
def test_hostile_headers_take_linear_time(hostile: str) -> None:
    began = time.process_time()
    mailboxes(hostile * 20_000 + "@")
    assert time.process_time() - began < 2


def test_me_is_every_spelling_and_tag_of_my_addresses() -> None:
    me = Me.of(["maya.lindqvist@gmail.com", "maya@studio.example", "not an address"])
    assert "mayalindqvist@gmail.com" in me
    assert "maya+news@studio.example" in me
    assert "ma.ya@studio.example" not in me


@pytest.mark.parametrize(
    "address",
    [
        "no-reply@x.org",
        "do_not.reply@x.org",
        "noreply-billing@x.org",
        "shop.noreply+1@x.org",
        "não-responda@x.org",
        "por-favor-no-responder@x.org",
    ],
)
def test_noreply_addresses_are_known_by_their_local_part(address: str) -> None:
    assert is_noreply(address)


def test_people_are_neither_noreply_nor_bounce() -> None:
    assert not is_noreply("reply@noreply.example")
    assert not is_bounce("post.master@x.org")
    assert is_bounce("mailer-daemon@x.org")
