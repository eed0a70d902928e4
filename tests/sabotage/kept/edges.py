"""Safe edges: what comes from outside, and what goes out to others."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS = (
    Mutation(
        "a photo of a card that runs a script",
        "edges",
        "services/contacts/domain/cards.py::google_card",
        Replace("_web_url(event.photo_url)", "cleaned(event.photo_url, MAX_URL)"),
        (f"{CONTACTS}_safe.py::test_no_link_of_a_card_but_one_to_a_web_page_survives_its_import",),
    ),
    Mutation(
        "a link of a card that runs a script",
        "edges",
        "services/contacts/domain/cards.py::google_card",
        Replace("_web_url(written)", "cleaned(written, MAX_URL)"),
        (f"{CONTACTS}_safe.py::test_no_link_of_a_card_but_one_to_a_web_page_survives_its_import",),
    ),
    Mutation(
        "a connector that writes under a contact's hash",
        "edges",
        "services/contacts/domain/observations.py::identity_participant",
        Replace('kind not in ("", "bcc")', 'kind != ""'),
        (f"{CONTACTS}_safe.py::test_nobody_takes_a_hash_or_a_contact_from_outside",),
    ),
    Mutation(
        "a phone of two people that identifies one of them",
        "edges",
        "services/contacts/store/addresses.py::update_owners_of_phones",
        InText("HAVING count(*) = 1", "HAVING count(*) >= 1"),
        (f"{CONTACTS}_safe.py::test_a_phone_identifies_only_whom_alone_it_belongs_to",),
    ),
)
