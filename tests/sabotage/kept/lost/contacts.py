"""Nothing lost, in people, their timelines and cards (`contacts`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace, Swap

CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS: tuple[Mutation, ...] = (
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
        "a handle taken off that the next report puts back",
        "lost",
        "services/contacts/store/identities.py::_take_off",
        InText("position = NULL, barred = true", "position = NULL"),
        (f"{CONTACTS}_identities.py::test_a_handle_that_is_taken_off_stays_off_and_typed_again_has_all_its_history",),
    ),
    Mutation(
        "a handle that is taken from whoever has it",
        "lost",
        "services/contacts/contact_edits.py::_replace_identities",
        Replace("await _refuse_taken(connection, user_id, contact_id, found)", ""),
        (f"{CONTACTS}_identities.py::test_a_handle_is_one_contact_s_and_whose_is_answered_where_another_is_given_it",),
    ),
    Mutation(
        "a phone that brings nothing of what was reported under it",
        "lost",
        "services/contacts/contact_edits.py::_follow_phones",
        Replace("await identities.list_free_phones(connection, contact_id)", "[]"),
        (f"{CONTACTS}_identities.py::test_a_phone_brings_what_was_reported_under_it_and_takes_it_along",),
    ),
    Mutation(
        "an identity parted from a merge that stands",
        "lost",
        "services/contacts/identity_links.py::unlink",
        Replace("await _merge_of(connection, identity)", "None"),
        (f"{CONTACTS}_identities.py::test_parting_what_a_merge_alone_linked_undoes_the_merge",),
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
        "an undone merge that gives nothing back of what came since",
        "lost",
        "services/contacts/merges.py::undo",
        Replace("await list_returning(connection, record, later)", "record.belongings"),
        (f"{CONTACTS}_undo.py::test_what_came_since_goes_where_it_belongs_and_that_can_be_read_before",),
    ),
    Mutation(
        "a merge undone below another one that keeps what it brought",
        "lost",
        "services/contacts/merges.py::_restored",
        Replace("await merges.update_fields(...)", ""),
        (f"{CONTACTS}_undo.py::test_a_merge_below_others_is_undone_as_if_it_had_never_been",),
    ),
    Mutation(
        "an undone merge that takes what came with somebody else since",
        "lost",
        "services/contacts/returns.py::_find_returning",
        Replace(
            "frozenset(record.belongings.address_ids) - came_with_others", "frozenset(record.belongings.address_ids)"
        ),
        (f"{CONTACTS}_undo.py::test_an_address_that_came_with_somebody_else_since_goes_with_them",),
    ),
    Mutation(
        "merges that do not know renamed cards",
        "lost",
        "services/contacts/handlers/cards.py::_import_latest",
        Replace("await merges.add_renamed_card(...)", "pass"),
        (f"{CONTACTS}_undo.py::test_a_card_that_google_renamed_since_goes_back_all_the_same",),
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
        "a card that Google merged, without what it was before",
        "lost",
        "services/contacts/store/cards.py::upsert_cards",
        InText("former = excluded.former,", ""),
        (f"{CONTACTS}_imports.py::test_each_rule_of_the_import",),
    ),
    Mutation(
        "a dismissed card that dismisses the one it became part of",
        "lost",
        "services/contacts/store/cards.py::dismiss_renamed",
        InText("AND k.contact_id IS NULL", ""),
        (f"{CONTACTS}_purge.py::test_a_dismissed_card_that_becomes_part_of_another_does_not_dismiss_that",),
    ),
    Mutation(
        "what an earlier try of a change of settings left is not gone on with",
        "lost",
        "services/contacts/handlers/settings.py::change_settings",
        Replace(
            "await work_off_rechecks(context, event.user_id)",
            "if newer:\n        await work_off_rechecks(context, event.user_id)",
        ),
        life("settings-fails"),
    ),
    Mutation(
        "an offer marked as published before it is",
        "lost",
        "services/contacts/bcc_offers.py::publish_offers",
        Swap(
            "await context.publish(_event(offer))",
            "async with context.db.acquire() as connection:\n"
            "    await bcc_offers.mark_published(connection, offer, now)",
        ),
        life("offer-fails"),
    ),
    Mutation(
        "a change that asks for less ends the walk through an address's interactions",
        "lost",
        "services/contacts/store/rechecks.py::insert_rechecks",
        InText("WHERE r.stage < excluded.stage OR excluded.stage = 3", ""),
        (
            f"{CONTACTS}_rechecks.py::test_an_address_that_is_due_already_keeps_the_higher_stage_and_a_walk_begins_anew_where_it_is_wanted_again",
        ),
    ),
    Mutation(
        "a dismissal is forgotten",
        "lost",
        "services/contacts/store/waiting.py::list_mail_of_people",
        InText("AND dismissed_at IS NULL", ""),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_what_is_dismissed_waits_no_more_until_they_write_again",
        ),
    ),
    Mutation(
        "a timeline that was fetched anew loses where it goes on",
        "lost",
        "services/contacts/handlers/timelines.py::get_timeline",
        Replace("next_cursor or query.down_to", "next_cursor"),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_a_timeline_is_cut_where_now_is_and_reaches_down_to_where_it_was_read",
        ),
    ),
    Mutation(
        "what a rule left out stays out when it is taken back",
        "lost",
        "services/contacts/exclusion_work.py::_end",
        Replace(
            "exclusions.forget_marks(connection, exclusion.id, MARKS_AT_ONCE)",
            "exclusions.delete_exclusion(connection, exclusion.id)",
        ),
        ("tests/integration/contacts/test_contacts_merge_model.py::test_this_story_ends_as_the_model_states",),
    ),
    Mutation(
        "a rule that was taken back is worked on",
        "lost",
        "services/contacts/exclusion_work.py::_remove",
        Replace("await _is_in_force(connection, exclusion)", "True"),
        (
            "tests/integration/contacts/test_contacts_do_not_record.py::test_a_rule_that_is_taken_back_while_it_is_worked_off_removes_nothing_more_and_bars_nobody",
        ),
    ),
    Mutation(
        "a rule that was taken back has been applied",
        "lost",
        "services/contacts/exclusion_work.py::_apply",
        Replace("not await _is_in_force(connection, exclusion)", "False"),
        (
            "tests/integration/contacts/test_contacts_do_not_record.py::test_a_rule_that_is_taken_back_while_it_is_worked_off_removes_nothing_more_and_bars_nobody",
        ),
    ),
    Mutation(
        "a rule that was taken back keeps people out",
        "lost",
        "services/contacts/exclusion_work.py::_end",
        Replace("await exclusion_work.unbar_addresses(connection, exclusion)", ""),
        (
            "tests/integration/contacts/test_contacts_do_not_record.py::test_a_rule_that_is_taken_back_while_it_is_worked_off_removes_nothing_more_and_bars_nobody",
        ),
    ),
    Mutation(
        "an archive that ends where a contact goes",
        "lost",
        "services/contacts/handlers/export.py::_contacts",
        Replace("len(ids) > query.limit", "False"),
        (
            "tests/integration/contacts/test_contacts_pages.py::test_an_archive_has_all_others_once_where_a_contact_goes_while_its_page_is_read",
        ),
    ),
    Mutation(
        "pairs of mail of an older release are not looked at again",
        "lost",
        "services/contacts/migrations/0007_pairs_by_author_and_date.sql",
        InText("HAVING count(*) > 1", "HAVING count(*) > 2"),
        (
            "tests/integration/local/test_local_upgrade.py::test_what_an_older_release_stored_keeps_its_meaning_and_what_follows_from_newer_rules_is_due",
        ),
    ),
    Mutation(
        "interactions of an older release are not counted",
        "lost",
        "services/contacts/migrations/0015_counted.sql",
        InText(
            "INSERT INTO interaction_counts SELECT user_id, platform, count(*) FROM interactions GROUP BY 1, 2;", ""
        ),
        (
            "tests/integration/local/test_local_upgrade.py::test_what_an_older_release_stored_keeps_its_meaning_and_what_follows_from_newer_rules_is_due",
        ),
    ),
    Mutation(
        "a conversation of which one account alone is looked at",
        "lost",
        "services/contacts/store/timelines.py::SOURCES",
        InText("AND s.source_id > sources.id", "AND false AND s.source_id > sources.id"),
        (f"{CONTACTS}_pages.py::test_whatever_the_pages_every_message_is_shown_once_folded_or_not",),
    ),
)
