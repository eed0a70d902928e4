"""What a contact's fields become: by a card of Google's, by an edit, by a merge and its undoing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.events import PersonImported
from libs.common.ids import AccountId, ContactId, UserId
from libs.common.requests import AccountState, ContactFields
from services.contacts.domain.account_states import HeldAccount, finding
from services.contacts.domain.cards import GoogleCard, card_addresses, google_card, latest_imports
from services.contacts.domain.changes import joined
from services.contacts.domain.contact_edits import edited_fields, typed_emails
from services.contacts.domain.contact_fields import (
    CardFields,
    DerivedFields,
    EditableFields,
    NamedAddress,
    derived_fields,
)
from services.contacts.domain.duplicates import FREE_MAIL, Traits, likeness
from services.contacts.domain.merges import Taken, merged_fields, restored_fields
from services.contacts.domain.observations import Participant

USER, OTHER = UserId(UUID(int=1)), UserId(UUID(int=7))
ACCOUNT = AccountId(UUID(int=2))
AT = datetime(2026, 1, 1, tzinfo=UTC)


def person(**changes: Any) -> PersonImported:
    fields: dict[str, Any] = {
        "user_id": USER, "account_id": ACCOUNT, "resource_name": "people/c1", "revision": 3, "name": "  Ann\n Lée ",
        "emails": ("Ann@x.example", "nobody", "ann@x.example", "b@x.example"), "phones": ("+49 30 1234567", "+49-30-1234567", "ask"),
        "organization": "Acme", "title": "CTO", "photo_url": "https://x.example/p", "birthday": "2000-01-02T00:00",
        "urls": ("HTTP://x.example", "javascript:alert(1)", "https://y.example"),
    }  # fmt: skip
    return PersonImported(**{**fields, **changes})


def test_a_card_is_stored_whole() -> None:
    card = google_card(person())
    assert card == GoogleCard(
        user_id=USER, account_id=ACCOUNT, resource_name="people/c1", revision=3, live=True, name="Ann Lée", folded="ann lee",
        company="Acme", title="CTO", photo_url="https://x.example/p", birthday="2000-01-02",
        emails=("ann@x.example", "b@x.example"), phones=("+49 30 1234567", "ask"), phone_keys=("+49301234567",),
        urls=("HTTP://x.example", "https://y.example"),
    )  # fmt: skip
    assert card.key == (ACCOUNT, "people/c1")


@pytest.mark.parametrize(
    ("phones", "canonical", "kept", "keys"),
    [
        (("0171 1234567",), ("+491711234567",), ("+491711234567",), ("01711234567", "+491711234567")),
        (
            ("(212) 555-0100", "030 1"),
            ("+12125550100", ""),
            ("+12125550100", ""),
            ("2125550100", "+12125550100", "0301"),
        ),
        (("8 495 123-45-67",), ("+74951234567",), ("+74951234567",), ("84951234567", "+74951234567")),
        (("+49 171 1234567",), ("+491711234567",), ("+491711234567",), ("+491711234567",)),
        (("0171 1234567", "0171/1234567"), ("", "+491711234567"), ("+491711234567",), ("01711234567", "+491711234567")),
        (("030 1234567#5",), ("+49301234567",), ("+49301234567",), ("03012345675",)),
        (("030 1234567 ext 5",), ("+49301234567",), ("+49301234567",), ("03012345675",)),
        (("12",), ("+4912",), ("+4912",), ("12",)),
        (("ask",), ("+491711234567",), ("+491711234567",), ()),
        (("0171 1234567",), ("1711234567",), ("1711234567",), ("01711234567",)),
        (("0171 1234567",), (), (), ("01711234567",)),
    ],
)
def test_a_phone_without_its_country_compares_by_google_s_form_too_where_that_is_the_same_number(
    phones: tuple[str, ...], canonical: tuple[str, ...], kept: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    card = google_card(person(phones=phones, canonical_phones=canonical))
    assert (card.canonical_phones, card.phone_keys) == (kept, keys)
    shown = [CardFields(phones=card.phones, canonical_phones=card.canonical_phones)]
    assert derived_fields(EditableFields(), shown, []).phone_keys == keys
    typed = EditableFields(typed_phones=phones[:1])
    assert derived_fields(typed, shown, []).phone_keys == keys, "typed or imported, it is the same number"
    assert derived_fields(typed, [], []).phone_keys == keys[:1], "what Google does not know nobody does"


EMPTY: dict[str, Any] = {"name": "", "emails": (), "phones": (), "organization": "", "title": ""}


@pytest.mark.parametrize(
    ("changes", "live"),
    [({}, False), ({"name": "A"}, True), ({"emails": ("a@x.example",)}, True), ({"phones": ("030 12345",)}, True),
     ({"organization": "A"}, True), ({"title": "A"}, True), ({"phones": ("ask",), "emails": ("nobody",)}, False)],
)  # fmt: skip
def test_a_card_lives_while_anything_names_somebody(changes: dict[str, Any], live: bool) -> None:
    assert google_card(person(**{**EMPTY, **changes})).live is live


def test_of_an_endless_card_the_beginning_is_kept() -> None:
    emails = tuple(f"a{number}@x.example" for number in range(101))
    card = google_card(
        person(
            name="n" * 501, organization="o" * 501, title="t" * 501, emails=emails, photo_url="https://" + "x" * 2_000,
            phones=tuple(f"+49 30 12345{number:03}" for number in range(101)),
            urls=tuple(f"https://x.example/{number}" for number in range(101)),
        )
    )  # fmt: skip
    assert [len(text) for text in (card.name, card.company, card.title, card.photo_url)] == [500, 500, 500, 2_000]
    assert [len(entries) for entries in (card.emails, card.phones, card.urls)] == [100, 100, 100]
    assert len(google_card(person(phones=("9" * 101,))).phones[0]) == 100
    assert len(card_addresses([person(emails=emails)])) == 100


def test_of_each_card_the_newest_event_counts() -> None:
    old, new = person(revision=1, name="old"), person(revision=2, name="new")
    other = person(resource_name="people/c2", revision=1)
    for events in ([old, new, other], [new, other, old]):
        assert sorted(latest_imports(events), key=lambda event: event.resource_name) == [new, other]


def test_the_addresses_of_cards_are_their_user_s() -> None:
    assert card_addresses([person(), person(user_id=OTHER, emails=("c@x.example",))]) == {
        (USER, "email", "ann@x.example"): Participant("other", "email", "ann@x.example", "ann@x.example"),
        (USER, "email", "b@x.example"): Participant("other", "email", "b@x.example", "b@x.example"),
        (OTHER, "email", "c@x.example"): Participant("other", "email", "c@x.example", "c@x.example"),
    }


def edit(before: EditableFields, shown: tuple[str, ...] = (), **typed: Any) -> EditableFields:
    return edited_fields(before, shown, ContactFields.model_construct(**typed))


TYPED: dict[str, Any] = {
    "name": "Ann", "company": "Acme", "title": "CTO", "photo_url": "https://x.example", "birthday": "2000-01-02",
    "urls": ("https://x.example", "http://y.example"), "notes": "Long", "tags": ("b", "a", "b"),
}  # fmt: skip


def test_what_is_typed_is_stored_and_marked_as_the_user_s() -> None:
    assert edit(EditableFields(), **TYPED) == EditableFields(
        **{**TYPED, "tags": ("b", "a")}, edited=tuple(sorted(TYPED))
    )
    assert edit(EditableFields(), archived=True) == EditableFields(archived=True, edited=("archived",))
    kept = EditableFields(name="Ann", edited=("name",), archived=True)
    assert edit(kept, title="CTO") == replace(kept, title="CTO", edited=("name", "title"))
    assert edit(kept, archived=False) == replace(kept, archived=False, edited=("archived", "name"))
    assert edit(kept) == kept


def test_an_emptied_field_is_the_user_s_word_too() -> None:
    assert edit(EditableFields(photo_url="https://x.example"), photo_url="") == EditableFields(edited=("photo_url",))
    assert edit(EditableFields(), urls=("", "  "), tags=("", "a")) == EditableFields(
        tags=("a",), edited=("tags", "urls")
    )


@pytest.mark.parametrize(
    "typed",
    [{"photo_url": "javascript:alert(1)"}, {"urls": ("https://x.example", "ftp://x.example")}, {"urls": ("x",)}],
)
def test_a_link_leads_to_the_web_or_is_refused(typed: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        edit(EditableFields(), **typed)
    refused = caught.value
    assert (refused.status, refused.code, refused.detail) == (
        422,
        "invalid_url",
        "A link must begin with https:// or http://, and have no line breaks.",
    )
    assert edit(EditableFields(), photo_url="HTTPS://x.example").photo_url == "HTTPS://x.example"


def test_typed_texts_have_a_longest_length() -> None:
    found = edit(EditableFields(), name="n" * 2_001, notes="n" * 50_001, tags=("t" * 2_001,))
    assert (len(found.name), len(found.notes), len(found.tags[0])) == (2_000, 50_000, 2_000)


def test_a_phone_that_the_user_took_off_is_remembered_and_one_typed_again_is_not() -> None:
    found = edit(
        EditableFields(dropped_phones=("0309999",)), ("030 1234", "030 5678"), phones=("030 1234", "", "030/9999")
    )
    assert found == EditableFields(typed_phones=("030 1234", "030/9999"), dropped_phones=("0305678",))


def test_typed_addresses_come_once_in_their_order() -> None:
    assert [found.value for found in typed_emails(("B@x.example", "a@x.example", "b@x.example"))] == [
        "b@x.example",
        "a@x.example",
    ]
    assert {found.role for found in typed_emails(("B@x.example",))} == {"other"}
    with pytest.raises(Refused) as caught:
        typed_emails(("a@x.example", "no\x00body"))
    assert (caught.value.status, caught.value.code) == (422, "invalid_address")
    assert caught.value.detail == "'nobody' is not an email address."


FULL = EditableFields(
    name="Ann", company="Acme", title="CTO", photo_url="https://a.example", birthday="2000", urls=("https://a.example",),
    notes="one", tags=("a",), typed_phones=("1",), dropped_phones=("2",),
    edited=("birthday", "company", "name", "notes", "photo_url", "tags", "title", "urls"),
)  # fmt: skip


def test_a_merge_keeps_what_the_user_typed_on_either() -> None:
    bare = EditableFields()
    assert merged_fields(bare, FULL) == FULL
    assert merged_fields(FULL, bare) == FULL
    other = EditableFields(
        name="Bob", title="Boss", urls=("https://b.example", "https://a.example"), notes="two", tags=("b", "a"),
        typed_phones=("3", "1"), dropped_phones=("4",), edited=("name", "title", "urls"),
    )  # fmt: skip
    assert merged_fields(FULL, other) == replace(
        FULL, urls=("https://a.example", "https://b.example"), notes="one\n\ntwo", tags=("a", "b"), typed_phones=("1", "3"),
        dropped_phones=("2", "4"),
    )  # fmt: skip


@pytest.mark.parametrize("field", ["name", "company", "title", "photo_url", "birthday"])
def test_each_field_of_the_other_fills_only_a_gap(field: str) -> None:
    other = EditableFields(**{field: "theirs"}, edited=(field,))
    assert merged_fields(EditableFields(), other) == other
    own = EditableFields(**{field: "mine"}, edited=(field,))
    assert merged_fields(own, other) == own
    emptied = EditableFields(edited=(field,))
    assert merged_fields(EditableFields(), emptied) == EditableFields(), "an emptied field fills no gap"
    derived = EditableFields(**{field: "Google's"})
    assert getattr(merged_fields(EditableFields(), derived), field) == "", "what was not typed is derived again"


def test_urls_become_the_user_s_only_where_they_were() -> None:
    derived = EditableFields(urls=("https://g.example",))
    assert merged_fields(EditableFields(), derived) == EditableFields()
    own = EditableFields(urls=("https://a.example",), edited=("urls",))
    assert merged_fields(own, derived).urls == ("https://a.example", "https://g.example")
    assert merged_fields(derived, own) == EditableFields(
        urls=("https://g.example", "https://a.example"), edited=("urls",)
    )
    assert merged_fields(EditableFields(), EditableFields(notes="n", tags=("t",), edited=("notes", "tags"))).edited == (
        "notes",
        "tags",
    )


texts = st.sampled_from(["", "a", "b"])
editable = st.builds(
    EditableFields, name=texts, notes=texts, tags=st.lists(texts).map(tuple), edited=st.just(("name",))
)


@given(editable, editable)
def test_an_undone_merge_leaves_nothing_of_the_other(survivor: EditableFields, other: EditableFields) -> None:
    after = merged_fields(survivor, other)
    assert restored_fields(after, after, survivor, Taken(other)) == survivor


def test_what_was_changed_after_a_merge_stays_when_it_is_undone() -> None:
    after = merged_fields(EditableFields(name="Ann"), FULL)
    now = replace(after, title="new", edited=tuple(sorted({*after.edited, "title"})))
    restored = restored_fields(now, after, EditableFields(name="Ann"), Taken(FULL))
    assert restored == EditableFields(name="Ann", title="new", edited=("title",)), "and is the user's still"


def test_a_contact_is_shown_whole() -> None:
    cards = [
        CardFields(photo_url="", birthday="", urls=("https://a", "https://b"), phones=("+49 30 1234567", "030 9")),
        CardFields(
            name="Ann Lée", company="Acme", photo_url="https://p", birthday="2000", urls=("https://b", "https://c")
        ),
        CardFields(name="Late", company="Other", title="Other", photo_url="https://q", birthday="1999"),
    ]
    stored = EditableFields(notes="Likes tea", tags=("friend",), typed_phones=("030 5",), dropped_phones=("0309",))
    addresses = [NamedAddress("Ann@x.example", "learned", 1, AT)]
    assert derived_fields(stored, cards, addresses) == DerivedFields(
        name="Ann Lée", company="Acme", title="", photo_url="https://p", birthday="2000",
        urls=("https://a", "https://b", "https://c"), phones=("030 5", "+49 30 1234567"), phone_keys=("0305", "+49301234567"),
        name_key="ann lee", company_key="acme", words_name="ann lee", words_near="acme friend ann x example",
        words_rest="likes tea 030 5 49 30 1234567",
    )  # fmt: skip
    own = EditableFields(
        name="N", company="C", title="T", photo_url="https://o", birthday="B", urls=("https://u",),
        edited=("birthday", "company", "name", "photo_url", "title", "urls"),
    )  # fmt: skip
    found = derived_fields(own, cards, addresses)
    assert (found.name, found.company, found.title, found.photo_url) == ("N", "C", "T", "https://o")
    assert (found.birthday, found.urls) == ("B", ("https://u",))


def test_the_best_name_that_mail_taught_is_its_owner_s_last() -> None:
    def learned(*addresses: NamedAddress) -> str:
        return derived_fields(EditableFields(), [], addresses).name

    later = AT + timedelta(days=1)
    assert learned(NamedAddress("a@x", "others", 1, later), NamedAddress("b@x", "own", 2, AT)) == "own"
    assert learned(NamedAddress("a@x", "first", 2, AT), NamedAddress("b@x", "last", 2, later)) == "last"
    assert learned(NamedAddress("a@x", "undated", 9, None), NamedAddress("b@x", "", 9, later)) == "a@x"
    assert derived_fields(EditableFields(typed_phones=("030 1",)), [], []).name == "030 1"


JANE = Traits("jane doe", [], [])


@pytest.mark.parametrize(
    ("first", "second", "sure", "evidence"),
    [
        (Traits("jane", [], ["+1;ext=5", "+2"]), Traits("jane", [], ["+1;ext=5"]), 0.95, ("same phone +1 ext. 5", "same name")),
        (Traits("jane", [], ["+2", "+1"]), Traits("bob", [], ["+1", "+2"]), 0.8, ("same phone +1",)),
        (JANE, JANE, 0.85, ("same name",)),
        (Traits("jane doe", ["b.x", "a.x"], []), Traits("jane doe", ["a.x", "b.x"], []), 0.95, ("same name at a.x",)),
        (Traits("jane doe", ["a.x"], []), Traits("doe jane", ["a.x"], []), 0.85, ("same name",)),
        (Traits("katherine miller", [], []), Traits("catherine miller", [], []), 0.75, ("similar name (94 %)",)),
        (Traits("abcdefghij", [], []), Traits("abcdefghix", [], []), 0.72, ("similar name (90 %)",)),
        (Traits("abcdefghi", [], []), Traits("abcdefghx", [], []), 0.0, ()),
        (Traits("", [], []), JANE, 0.0, ()),
        (Traits("", ["a.x"], []), Traits("", ["a.x"], []), 0.0, ()),
    ],
)  # fmt: skip
def test_likeness_is_as_sure_as_its_evidence(
    first: Traits, second: Traits, sure: float, evidence: tuple[str, ...]
) -> None:
    assert likeness(first, second) == (sure, evidence)


@pytest.mark.parametrize("domain", sorted(FREE_MAIL))
def test_a_shared_free_mail_domain_proves_nothing(domain: str) -> None:
    both = Traits("jane doe", [domain], [])
    assert likeness(both, both) == (0.85, ("same name",))
    assert domain == domain.lower()
    assert "." in domain


def test_the_free_mail_providers_are_all_there() -> None:
    assert " ".join(sorted(FREE_MAIL)) == (
        "163.com aol.com fastmail.com gmail.com gmx.de gmx.net hotmail.com icloud.com live.com mac.com mail.com mail.ru me.com "
        "msn.com outlook.com pm.me proton.me protonmail.com qq.com t-online.de web.de yahoo.com yandex.ru zoho.com"
    )


def test_changes_of_several_transactions_are_joined_by_user() -> None:
    one, two, three = (ContactId(UUID(int=number)) for number in (1, 2, 3))
    assert joined({USER: [one], OTHER: [three]}, {USER: {one, two}}) == {USER: {one, two}, OTHER: {three}}
    assert joined() == {}


def state(**changes: Any) -> AccountState:
    fields: dict[str, Any] = {
        "id": ACCOUNT, "user_id": USER, "address": " Ann@x.example ", "status": "active", "status_reason": "",
        "scopes": frozenset(), "sequence": 6,
    }  # fmt: skip
    return AccountState(**{**fields, **changes})


@pytest.mark.parametrize(
    ("held", "changes", "found"),
    [
        (HeldAccount(True, "ann@x.example", 5), {}, "uncounted"),
        (HeldAccount(True, "ann@x.example", 6), {}, "same"),
        (HeldAccount(True, "ann@x.example", 7), {}, "rolled_back"),
        (HeldAccount(True, "ann@x.example", 5), {"status": "reauth_required"}, "uncounted"),
        (HeldAccount(True, "old@x.example", 5), {}, "missed"),
        (HeldAccount(False, "ann@x.example", 5), {}, "missed"),
        (HeldAccount(True, "ann@x.example", 5), {"status": "disconnected"}, "missed"),
        (HeldAccount(False, "old@x.example", 5), {"status": "disconnected"}, "uncounted"),
        (None, {}, "missed"),
        (None, {"status": "disconnected"}, "same"),
    ],
)
def test_an_account_is_compared_by_what_contacts_need(
    held: HeldAccount | None, changes: dict[str, Any], found: str
) -> None:
    assert finding(held, state(**changes), ()) == found
    assert finding(held, state(**changes), {USER}) == "same"
