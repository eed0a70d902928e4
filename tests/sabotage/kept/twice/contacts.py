"""Nothing twice, in people, their timelines and cards (`contacts`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "an older card over a newer",
        "twice",
        "services/contacts/store/cards.py::upsert_cards",
        InText("WHERE cards.revision < excluded.revision", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "a card of the same revision over what is held",
        "twice",
        "services/contacts/store/cards.py::upsert_cards",
        InText("cards.revision < excluded.revision", "cards.revision <= excluded.revision"),
        (f"{CONTACTS}_late.py::test_a_statement_that_is_not_later_than_what_was_applied_changes_no_row",),
    ),
    Mutation(
        "a card as it was that writes its contact anew",
        "twice",
        "services/contacts/store/contact_fields.py::update_derived_fields",
        InText("c.derive_due OR ROW(", "true OR ROW("),
        (f"{CONTACTS}_imports.py::test_a_card_that_is_published_again_as_it_was_writes_itself_alone",),
    ),
    Mutation(
        "an older removal of a card",
        "twice",
        "services/contacts/store/cards.py::mark_card_removed",
        InText("WHERE cards.revision < $4", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "older settings over newer in contacts",
        "twice",
        "services/contacts/store/users.py::upsert_contact_creation",
        InText("WHERE users.settings_version < $2", ""),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "an older event of an account over a later one in contacts",
        "twice",
        "services/contacts/store/accounts.py::_IS_LATER",
        InText("accounts.sequence < excluded.sequence", "accounts.sequence <> excluded.sequence"),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "older aliases over newer",
        "twice",
        "services/contacts/store/own_addresses.py::replace_own_addresses",
        InText("revision > $3", "revision < $3"),
        (f"{CONTACTS}_late.py::test_of_two_statements_the_later_one_counts_whichever_comes_first",),
    ),
    Mutation(
        "an older bio over a newer",
        "twice",
        "services/contacts/store/profiles.py::upsert_bio",
        InText("WHERE profiles.at <= $4", ""),
        (
            f"{CONTACTS}_late.py::test_the_newest_bio_of_an_address_stays_and_that_of_a_contact_is_the_newest_of_its_addresses",
        ),
    ),
    Mutation(
        "two writers for one user",
        "twice",
        "services/contacts/store/users.py::lock_free_users",
        InText("pg_try_advisory_xact_lock(hashtextextended('contacts.user:' || id::text, 0))", "true"),
        (f"{CONTACTS}_late.py::test_the_locks_of_two_users_are_two_and_that_of_one_is_one",),
    ),
    Mutation(
        "an offer that is published again and again",
        "twice",
        "services/contacts/bcc_offers.py::publish_offers",
        Replace("await bcc_offers.mark_published(...)", ""),
        (f"{CONTACTS}_late.py::test_an_offer_is_published_once_by_two_replicas_that_come_one_after_the_other",),
    ),
    Mutation(
        "a merge that is undone twice",
        "twice",
        "services/contacts/handlers/merges.py::undo_merge",
        Replace("merge is None or merge.undone", "merge is None"),
        (f"{CONTACTS}_merges.py::test_what_is_undone_is_undone_once_and_a_contact_is_not_merged_with_itself",),
    ),
    Mutation(
        "a merge whose command is repeated",
        "twice",
        "services/contacts/handlers/merges.py::merge_contacts",
        Replace("await get_merge(connection, user_id, merge_id) is None", "True"),
        (f"{CONTACTS}_commands_once.py::test_a_merge_whose_reply_was_lost_is_made_once_and_can_be_undone",),
    ),
    Mutation(
        "a purged account of which more is recorded",
        "twice",
        "services/contacts/projector.py::record_observations",
        Replace("found.user_id not in purged and found.source_id not in purged", "found.user_id not in purged"),
        (f"{CONTACTS}_late.py::test_a_mark_of_a_purge_moves_only_forward_and_holds_for_every_door",),
    ),
    Mutation(
        "an interaction that is in the table already",
        "twice",
        "services/contacts/migrations/0021_smaller_indexes.sql",
        InText("CREATE UNIQUE INDEX interactions_by_digest", "CREATE INDEX interactions_by_digest"),
        (f"{CONTACTS}_indexes.py::test_an_interaction_is_there_once_whatever_it_is_known_as",),
    ),
)
