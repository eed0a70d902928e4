"""Addresses: header lists, the canonical form, what is me (docs/rules.md)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common import addresses
from libs.common.addresses import canonical, is_bouncer, is_me, is_robot, parse_list, phone_key, tag_of
from libs.common.noreply import NO_REPLY
from libs.google_sim.oracle import addresses as oracle_addresses
from libs.google_sim.oracle import noreply as oracle_noreply
from services.sync.domain.reply_words import REPLY_WORDS
from tests.support.strategies import hostile_forms


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("Ann@Example.COM", "ann@example.com"),
        ("  <ann@example.com> ", "ann@example.com"),
        ("A.n.n+news@gmail.com", "ann@gmail.com"),  # Gmail ignores dots and tags
        ("ann@googlemail.com", "ann@gmail.com"),
        ("a.nn+news@example.com", "a.nn+news@example.com"),  # others don't
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@example.com.", "ann@example.com"),
        ('"ann"@example.com', "ann@example.com"),
        ("ann\x00@example.com", "ann@example.com"),
        ("ann", None),
        ("@example.com", None),
        ("ann@", None),
        ("ann smith@example.com", None),
        ("ann@exa mple.com", None),
        ("a@b@example.com", None),
        ("+tag@gmail.com", None),
        ("x" * 250 + "@example.com", None),
    ],
)
def test_an_address_has_a_single_canonical_form(written: str, form: str | None) -> None:
    assert canonical(written) == form


def test_nothing_longer_than_an_address_is_remembered() -> None:
    addresses._remembered_form.cache_clear()
    assert canonical(" " * 300 + "ann@example.com") == "ann@example.com"
    assert canonical("a@" + "b" * 1_000_000) is None
    assert addresses._remembered_form.cache_info().currsize == 0
    assert canonical("Ann@example.com") == "ann@example.com"
    assert addresses._remembered_form.cache_info().currsize == 1


def test_no_phone_number_of_pages_is_remembered() -> None:
    addresses._remembered_phone.cache_clear()
    assert len(phone_key("1" * 100_000)) == 100_000
    assert addresses._remembered_phone.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("header", "boxes"),
    [
        ("Ann <ann@x.io>, bob@x.io", [("Ann", "ann@x.io"), ("", "bob@x.io")]),
        ('"Lee, Ann" <ann@x.io>', [("Lee, Ann", "ann@x.io")]),
        ("=?utf-8?q?Lee=2C_Ann?= <ann@x.io>", [("Lee, Ann", "ann@x.io")]),  # split first, decode after
        ("undisclosed-recipients:;", []),
        ("team: ann@x.io, Bob <bob@x.io>;", [("", "ann@x.io"), ("Bob", "bob@x.io")]),
        ("ann@x.io (Ann Lee)", [("Ann Lee", "ann@x.io")]),
        ("=?bogus?q?Ann?= <ann@x.io>", [("Ann", "ann@x.io")]),
        ('"Ann \\"A\\" Lee" <ann@x.io>', [('Ann "A" Lee', "ann@x.io")]),
        ('"Ann <ann@x.io>, Bob <bob@x.io>', [("Ann", "ann@x.io"), ("Bob", "bob@x.io")]),  # a quote never closed
        ("", []),
        ("no address here", []),
        ("Ann Lee, PhD <ann@x.io>", [("Ann Lee, PhD", "ann@x.io")]),  # a comma that should have been quoted
        ("bob@x.io, Acme, Inc. <a@x.io>, c@x.io", [("", "bob@x.io"), ("Acme, Inc.", "a@x.io"), ("", "c@x.io")]),
        ("Lee, Ann, MD, PhD <ann@x.io>", [("Lee, Ann, MD, PhD", "ann@x.io")]),
        ('"Ann Lee", PhD <ann@x.io>', [("Ann Lee, PhD", "ann@x.io")]),
        ("=?utf-8?q?L=C3=A9e?=, =?utf-8?q?Ann?= <ann@x.io>", [("Lée, Ann", "ann@x.io")]),
        ("team: Lee, Ann <ann@x.io>, bob@x.io;", [("Lee, Ann", "ann@x.io"), ("", "bob@x.io")]),
        ('Ja"ne <jane@x.io>', [("Jane", "jane@x.io")]),  # what is never closed means nothing
        ("Ja(ne <jane@x.io>", [("Jane", "jane@x.io")]),
        ("Ann @ Acme <ann@x.io>", [("Ann @ Acme", "ann@x.io")]),
        ("Ann @ Acme, Inc. <ann@x.io>", [("Ann @ Acme, Inc.", "ann@x.io")]),
        ("ann @ x.io, Bob <bob@x.io>", [("", "ann@x.io"), ("Bob", "bob@x.io")]),  # an address with blanks in it
        ('"ann@x.io", Bob <bob@x.io>', [("", '"ann@x.io"'), ("Bob", "bob@x.io")]),
        ("Ann, bob@x.io", [("", "bob@x.io")]),  # without brackets nothing says whose name it is
        ('"Lee, Ann", "Bob" <bob@x.io>', [("Bob", "bob@x.io")]),  # a name in quotes is whole
        ("Lee, Ann; Bob <bob@x.io>", [("Bob", "bob@x.io")]),
        ("Lee, team: Bob <bob@x.io>;", [("Bob", "bob@x.io")]),
        ("می\u200cخواهم <a@x.io>", [("می\u200cخواهم", "a@x.io")]),
    ],
)
def test_a_header_yields_its_mailboxes(header: str, boxes: list[tuple[str, str]]) -> None:
    assert [tuple(box) for box in parse_list(header)] == boxes


@given(st.text(max_size=400) | hostile_forms(400))
def test_no_header_raises_and_every_canonical_address_is_stable(header: str) -> None:
    for box in parse_list(header):
        form = canonical(box.address)
        assert form is None or canonical(form) == form


@given(st.text(alphabet='<>"(),;:@\\ab.=?', max_size=300) | hostile_forms())
def test_headers_made_of_punctuation_never_raise(header: str) -> None:
    parse_list(header)


@pytest.mark.parametrize(
    "header",
    [
        '"Boss <boss@x.io>" <who@y.io>',
        '"the \\"Boss\\" <boss@x.io>" <who@y.io>',
        "(<boss@x.io>) who@y.io",
        'Boss <who@y.io> "<boss@x.io>"',
    ],
)
def test_an_address_inside_a_name_is_only_a_name(header: str) -> None:
    assert [canonical(box.address) for box in parse_list(header)] == ["who@y.io"]


def test_a_header_of_deeply_nested_brackets_is_parsed() -> None:
    # The standard library's getaddresses raises RecursionError on such a header.
    assert [box.address for box in parse_list("(" * 100_000 + "a@b.io")] == ["a@b.io"]
    assert [box.address for box in parse_list('"' + '\\"' * 50_000 + " a@b.io")] == ["a@b.io"]
    assert [box.address for box in parse_list("<" * 50_000 + "a@b.io>")] == ["a@b.io"]


_names = st.text(alphabet=st.characters(categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=8)


@given(st.lists(_names, min_size=1, max_size=5), st.lists(_names, min_size=1, max_size=5))
def test_names_with_commas_are_whole_whoever_stands_beside_them(first: list[str], second: list[str]) -> None:
    header = f"{', '.join(first)} <a@x.io>, b@x.io, {', '.join(second)} <c@x.io>"
    assert [box.address for box in parse_list(header)] == ["a@x.io", "b@x.io", "c@x.io"]
    assert [box.name for box in parse_list(header)] == [", ".join(first), "", ", ".join(second)]


def test_of_a_comment_that_goes_on_for_pages_the_beginning_is_the_name() -> None:
    [box] = parse_list(f"ann@x.io (=?utf-8?q?Ann_L=C3=A9e?= {'=?a?q? ' * 20_000})")
    assert box.address == "ann@x.io"
    assert box.name.startswith("Ann Lée =?a?q?")
    assert len(box.name) == 300


@pytest.mark.parametrize(
    ("address", "me"),
    [("ann@x.io", True), ("ann+abc@x.io", True), ("ann@y.io", False), ("bann@x.io", False), ("ann@gmail.com", True)],
)
def test_tags_of_my_addresses_are_me(address: str, me: bool) -> None:
    assert is_me(address, {"ann@x.io", "ann@gmail.com"}) is me


def test_the_tag_of_an_address_is_what_follows_the_plus() -> None:
    assert tag_of("Ann+K7Q2@x.io") == "k7q2"
    assert tag_of("ann@x.io") == ""


@pytest.mark.parametrize(
    ("address", "robot"),
    [
        ("no-reply@x.io", True), ("noreply+77@x.io", True), ("do_not_reply@x.io", True), ("team-noreply@x.io", True),
        ("ne-pas-repondre@x.io", True), ("norepl@x.io", False), ("anna@noreply.io", False),
        ("nao-responda@x.io", True), ("não-responda@x.io", True), ("no.responder@x.io", True), ("favor-no-contestar@x.io", True),
        ("Bitte-Nicht-Antworten@x.io", True), ("keine-antwort+1@x.io", True), ("non_rispondere@x.io", True), ("ikke-svar@x.io", True),
        ("nie.odpowiadaj@x.io", True), ("neodpovídejte@x.io", True), ("yanıtlamayın@x.io", True), ("ne-valaszoljon@x.io", True),
        ("не-отвечайте@x.io", True), ("送信専用@x.io", True), ("발신전용@x.io", True), ("ห้ามตอบกลับ@x.io", True),
        ("wu.huifu@x.io", False), ("rikke.svarre@x.io", False), ("jasmin.a.pant@x.io", False), ("sara.vasta@x.io", False),
        ("eleanor.espinoza@x.io", False), ("naomi.responde@x.io", False), ("reply@x.io", False), ("antworten@x.io", False),
    ],
)  # fmt: skip
def test_robots_are_known_by_their_local_part(address: str, robot: bool) -> None:
    assert is_robot(address) is robot


def test_every_language_of_quoted_mail_has_its_no_reply_addresses() -> None:
    assert set(NO_REPLY) >= set(REPLY_WORDS)
    for phrase in " ".join(NO_REPLY.values()).split():
        assert is_robot(f"{phrase}@x.io")
        assert is_robot(f"shop-{phrase}@x.io")
        assert is_robot(f"{phrase}.2+tag@x.io")
        assert not is_robot(f"ann@{phrase}.io")


def test_the_rules_list_the_no_reply_addresses_that_the_product_and_the_oracle_know() -> None:
    section = (Path(__file__).parents[3] / "docs" / "rules.md").read_text().split("### No-reply addresses")[1]
    listed = section.split("```")[1].split()
    assert (
        sorted(listed)
        == sorted(set(" ".join(NO_REPLY.values()).split()))
        == sorted(set(oracle_noreply._PHRASES.split()))
    )
    assert len(listed) > 200


@given(st.text(alphabet="norepls.-_+éı不", max_size=24))
def test_the_product_and_the_oracle_agree_on_who_reads_no_answers(local: str) -> None:
    address = canonical(f"{local}@x.io")
    assert address is None or is_robot(address) == oracle_addresses.is_noreply(address)


def test_bouncers_are_known_by_their_local_part() -> None:
    assert is_bouncer("MAILER-DAEMON@x.io")
    assert not is_bouncer("mail@x.io")


@pytest.mark.parametrize(
    ("shown", "region", "key"),
    [
        ("+46 70 123 45 67", None, "+46701234567"),
        ("070-123 45 67", "SE", "+46701234567"),
        ("070-123 45 67", None, "0701234567"),
        ("(020) 7946 0018", "GB", "+442079460018"),
        ("ext. none", None, ""),
        ("+1 212 555 0100 ext. 5", None, "+12125550100;ext=5"),  # behind one switchboard sit many
        ("tel:+1-212-555-0100;ext=5", None, "+12125550100;ext=5"),
        ("+1 800 FLOWERS", None, "+18003569377"),
        ("1-800-FLOWERS", None, "18003569377"),
        ("1-800-GOFEDEX", None, "18004633339"),
        ("030 1234567 HOME", None, "0301234567"),  # a whole number, and a word
    ],
)
def test_phones_are_compared_in_e164_where_the_country_is_known(shown: str, region: str | None, key: str) -> None:
    assert phone_key(shown, region) == key
