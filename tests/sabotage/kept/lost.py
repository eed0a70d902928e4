"""Nothing lost: store, publish, then acknowledge or move the cursor."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS = (
    Mutation(
        "an edited contact that is not the user's from then on",
        "lost",
        "services/contacts/store/contact_edits.py::update_edited_fields",
        InText("SET pinned = true", "SET pinned = pinned"),
        (f"{CONTACTS}_accounts.py::test_no_rule_takes_a_contact_that_the_user_made_edited_or_invited",),
    ),
    Mutation(
        "an address taken off that the next import puts back",
        "lost",
        "services/contacts/store/contact_edits.py::replace_emails",
        InText("position = NULL, barred = true", "position = NULL"),
        (f"{CONTACTS}_typed_fields.py::test_every_typed_field_survives_every_import_and_the_others_follow_it",),
    ),
    Mutation(
        "phones taken off that are not remembered",
        "lost",
        "services/contacts/domain/contact_edits.py::edited_fields",
        Replace('values["dropped_phones"] = tuple(sorted(dropped))', ""),
        (f"{CONTACTS}_typed_fields.py::test_every_typed_field_survives_every_import_and_the_others_follow_it",),
    ),
    Mutation(
        "a merge that leaves a card behind",
        "lost",
        "services/contacts/merges.py::merge",
        Replace("await move_belongings(...)", ""),
        (f"{CONTACTS}_merges.py::test_a_card_that_nothing_but_its_contact_leads_to_goes_along_and_comes_back",),
    ),
    Mutation(
        "a merge that is not on record",
        "lost",
        "services/contacts/merges.py::merge",
        Replace("await merges.insert_merge(...)", ""),
        (
            f"{CONTACTS}_merges.py::test_a_merge_brings_everything_together_and_its_undoing_takes_everything_apart_again",
        ),
    ),
    Mutation(
        "an undone merge that leaves everything where it was",
        "lost",
        "services/contacts/merges.py::undo",
        Replace("await move_belongings(...)", ""),
        (
            f"{CONTACTS}_merges.py::test_a_merge_brings_everything_together_and_its_undoing_takes_everything_apart_again",
        ),
    ),
    Mutation(
        "changes of contacts that are not published",
        "lost",
        "services/contacts/context.py::Context.change_users",
        Replace("await self.publish_changed(changed)", ""),
        (f"{CONTACTS}_published.py::test_whatever_changes_a_contact_publishes_exactly_whose_after_it_is_committed",),
    ),
    Mutation(
        "changes of contacts that are published before their commit",
        "lost",
        "services/contacts/context.py::Context.change_users",
        Replace(
            "changed = await work(connection, free) if free else {}",
            "changed = await work(connection, free); await self.publish_changed(changed)",
        ),
        (f"{CONTACTS}_published.py::test_whatever_changes_a_contact_publishes_exactly_whose_after_it_is_committed",),
    ),
    Mutation(
        "an address that becomes mine of which nothing follows",
        "lost",
        "services/contacts/own_addresses.py::change_own_addresses",
        Replace("await insert_rechecks(...)", ""),
        (f"{CONTACTS}_mail.py::test_an_address_that_becomes_mine_turns_its_mail_outbound",),
    ),
    Mutation(
        "a purged account whose contacts are not looked at again",
        "lost",
        "services/contacts/account_purge.py::_remove_observations",
        Replace("await insert_rechecks(...)", ""),
        (f"{CONTACTS}_mail.py::test_purging_an_account_takes_what_only_it_saw",),
    ),
    Mutation(
        "a deleted contact that takes logged mail of others along",
        "lost",
        "services/contacts/store/contact_edits.py::delete_contact",
        InText("AND p.role = 'other'", ""),
        (
            f"{CONTACTS}_purge.py::test_a_deleted_contact_leaves_mail_that_was_logged_under_its_hash_to_the_others_on_it",
        ),
    ),
    Mutation(
        "a dismissed card that dismisses the one it became part of",
        "lost",
        "services/contacts/store/cards.py::rename_card",
        InText("AND cards.contact_id IS NULL", ""),
        (f"{CONTACTS}_purge.py::test_a_dismissed_card_that_becomes_part_of_another_does_not_dismiss_that",),
    ),
)
