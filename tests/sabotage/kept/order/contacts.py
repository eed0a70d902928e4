"""In the right order, in people, their timelines and cards (`contacts`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a timeline that skips lines of one moment",
        "order",
        "services/contacts/store/timelines.py::_list_piece",
        InText(
            "coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)",
            "coalesce(least($3, '00000000-0000-0000-0000-000000000000'), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)",
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a timeline without an order inside a moment",
        "order",
        "services/contacts/store/timelines.py::list_among",
        InText(
            "ORDER BY line.occurred_at DESC, line.interaction_id DESC",
            "ORDER BY line.occurred_at DESC, line.interaction_id",
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a thread that folds into its oldest line",
        "order",
        "services/contacts/store/timeline_threads.py::_list_threads",
        InText("ORDER BY occurred_at DESC, interaction_id DESC", "ORDER BY occurred_at, interaction_id"),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a thread of which only the part on the page is known",
        "order",
        "services/contacts/store/timeline_threads.py::list_folded_lines",
        Replace("await _list_ids_in_threads(...)", "list(unknown)"),
        (f"{CONTACTS}_pages.py::test_whatever_the_pages_every_message_is_shown_once_folded_or_not",),
    ),
    Mutation(
        "a thread of which a part was met on the way to another counts as known",
        "order",
        "services/contacts/store/timeline_threads.py::list_folded_lines",
        Replace("{thread: known.get(thread) for thread in unknown.values()}", "known"),
        (f"{CONTACTS}_pages.py::test_whatever_the_pages_every_message_is_shown_once_folded_or_not",),
    ),
    Mutation(
        "a timeline whose last page is not seen",
        "order",
        "services/contacts/handlers/timelines.py::get_timeline",
        Replace("query.limit + 1", "query.limit"),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a list of contacts that repeats the last of a page",
        "order",
        "services/contacts/store/contact_search.py::_BY_RECENT",
        InText("c.id > $4::uuid", "c.id >= $4::uuid"),
        (f"{CONTACTS}_pages.py::test_contacts_come_in_the_order_that_is_asked_for_on_pages_of_any_size",),
    ),
    Mutation(
        "notes found before names",
        "order",
        "services/contacts/store/text_search.py::_Fit.rank",
        InText("THEN 1 ELSE 0", "THEN 0 ELSE 1"),
        (f"{CONTACTS}_pages.py::test_what_is_found_in_a_name_comes_before_addresses_companies_and_notes",),
    ),
    Mutation(
        "where very many match, one that repeats on the next page",
        "order",
        "services/contacts/store/text_search.py::_behind",
        InText(" > ", " >= "),
        (f"{CONTACTS}_lists.py::test_search_is_the_same_on_pages_of_any_size_however_many_match",),
    ),
    Mutation(
        "a filter by tag that lists everybody with a tag",
        "order",
        "services/contacts/store/contact_search.py::fitting",
        InText("c.tags @> ", "c.tags IS DISTINCT FROM "),
        (f"{CONTACTS}_lists.py::test_every_list_has_each_contact_that_fits_once_and_in_order_on_pages_of_any_size",),
    ),
    Mutation(
        "a list by company that ends with a page",
        "order",
        "services/contacts/store/contact_search.py::_BY_COMPANY",
        InText("($3 = '', $3,", "(true, $3,"),
        (f"{CONTACTS}_lists.py::test_every_list_has_each_contact_that_fits_once_and_in_order_on_pages_of_any_size",),
    ),
    Mutation(
        "a brief that shows the meeting itself as the last contact",
        "order",
        "services/contacts/store/attendees.py::list_past_lines",
        InText("p.occurred_at < $2", "p.occurred_at <= $2"),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "bulk mail that takes the place of mail in a brief",
        "order",
        "services/contacts/domain/guest_history.py::chosen_lines",
        Replace(
            "[line for line in lines if not line.is_meeting and line.counted]",
            "[line for line in lines if not line.is_meeting]",
        ),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "what others call somebody before their own name",
        "order",
        "services/contacts/domain/names.py::chosen_name",
        Replace(
            "(not is_role(name.name), name.rank, name.at, name.name)",
            "(not is_role(name.name), name.at, name.rank, name.name)",
        ),
        (f"{CONTACTS}_rules.py::test_a_name_that_is_learned_anew_is_the_best_of_those_that_are_left",),
    ),
    Mutation(
        "archived contacts that are counted",
        "order",
        "services/contacts/store/counts.py::get_counts",
        InText("AND merged_into IS NULL AND NOT archived) AS contacts", "AND merged_into IS NULL) AS contacts"),
        (f"{CONTACTS}_pages.py::test_contacts_come_in_the_order_that_is_asked_for_on_pages_of_any_size",),
    ),
    Mutation(
        "scores that are never due again",
        "order",
        "services/contacts/domain/relationships.py::relationship",
        Replace("next_change(times, now)", "None"),
        (f"{CONTACTS}_rules.py::test_stored_scores_are_those_of_the_moment_and_due_when_they_can_change",),
    ),
    Mutation(
        "not the same, forgotten by a merge",
        "order",
        "services/contacts/views/possible_duplicates.sql",
        InText(
            "least(coalesce(a.merged_into, a.id), coalesce(b.merged_into, b.id)) = s.first_id",
            "least(a.id, b.id) = s.first_id",
        ),
        (f"{CONTACTS}_duplicates.py::test_not_the_same_is_remembered_through_merges_of_either_and_their_undoing",),
    ),
    Mutation(
        "not the same, stated of one part only",
        "order",
        "services/contacts/store/duplicates.py::insert_distinct",
        InText("$2 IN (a.id, a.merged_into)", "$2 = a.id"),
        (f"{CONTACTS}_duplicates.py::test_not_the_same_is_remembered_through_merges_of_either_and_their_undoing",),
    ),
    Mutation(
        "two that are not the same, joined by a card",
        "order",
        "services/contacts/store/duplicates.py::insert_distinct",
        InText("SET pinned = true", "SET pinned = pinned"),
        (f"{CONTACTS}_duplicates.py::test_neither_a_card_nor_a_mail_makes_one_of_two_that_are_not_the_same",),
    ),
    Mutation(
        "a name of thousands, compared with everybody",
        "order",
        "services/contacts/store/duplicates.py::list_blocks",
        InText("BETWEEN 2 AND $3 - 1", "BETWEEN 2 AND $3"),
        (f"{CONTACTS}_duplicates.py::test_thousands_of_one_name_cost_no_more_than_a_block_of_them",),
    ),
    Mutation(
        "who changed is not compared anew",
        "order",
        "services/contacts/store/contact_fields.py::update_derived_fields",
        InText("duplicates_due = c.duplicates_due OR", "duplicates_due = c.duplicates_due AND"),
        (f"{CONTACTS}_duplicates.py::test_only_what_changed_is_compared_and_what_no_longer_holds_goes",),
    ),
    Mutation(
        "mail of others to a BCC address takes the place of mail in a brief",
        "order",
        "services/contacts/store/attendees.py::list_past_lines",
        InText(" AND (found.named OR (author.is_me AND NOT i.unauthenticated))", ""),
        (
            f"{CONTACTS}_guests.py::test_what_others_send_to_somebodys_bcc_address_takes_no_place_among_what_was_exchanged",
        ),
    ),
    Mutation(
        "what somebody has answered is open before a meeting",
        "order",
        "services/contacts/store/attendees.py::list_open",
        InText("AND later.found IS NULL", ""),
        (f"{CONTACTS}_guests.py::test_open_is_what_nobody_else_has_answered_in_any_account",),
    ),
    Mutation(
        "a second mail of somebody's answers their first",
        "order",
        "services/contacts/store/attendees.py::list_open",
        InText("writer.contact_id = author.contact_id", "false"),
        (f"{CONTACTS}_guests.py::test_open_is_what_nobody_else_has_answered_in_any_account",),
    ),
    Mutation(
        "a meeting with others passes for one of the same group",
        "order",
        "services/contacts/attendees.py::find_met_together",
        Replace("others[meeting.interaction_id] == len(contact_ids)", "others[meeting.interaction_id]"),
        (f"{CONTACTS}_guests.py::test_the_same_group_met_when_just_these_met",),
    ),
    Mutation(
        "a card written anew without a change of work forgets the former one",
        "order",
        "services/contacts/store/cards.py::_OTHER_WORK",
        InText("AND (cards.company, cards.title) IS DISTINCT FROM (excluded.company, excluded.title)", ""),
        (f"{CONTACTS}_guests.py::test_a_card_that_states_another_work_has_stated_one_before",),
    ),
    Mutation(
        "an archive that repeats a contact where another goes",
        "order",
        "services/contacts/handlers/export.py::_contacts",
        Replace("ids[-1]", "ids[query.limit - 1]"),
        (
            "tests/integration/contacts/test_contacts_pages.py::test_an_archive_has_all_others_once_where_a_contact_goes_while_its_page_is_read",
        ),
    ),
)
