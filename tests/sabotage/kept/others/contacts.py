"""Nobody else's, in people, their timelines and cards (`contacts`)."""

from tests.sabotage.kept.others import ANYBODY_1, ANYBODY_2, REQUESTS, condition_lost
from tests.sabotage.mutation import InText, Mutation, Replace

CONTACTS = "tests/integration/contacts/test_contacts"
_WALL = "tests/integration/common/test_row_security.py"


MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a contact of another user",
        "others",
        "services/contacts/store/contacts.py::get_living_id",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{CONTACTS}_whose.py::test_what_is_another_users_is_not_found_and_not_touched",),
    ),
    Mutation(
        "the handle of another user that is taken already",
        "others",
        "services/contacts/store/addresses.py::list_owners",
        InText("ON a.user_id = $1 AND (a.kind", "ON $1::uuid IS NOT NULL AND (a.kind"),
        (
            f"{CONTACTS}_identities.py::test_what_is_reported_under_a_handle_is_on_the_contact_that_has_it_however_it_is_written",
        ),
    ),
    Mutation(
        "the merge of another user",
        "others",
        "services/contacts/store/merges.py::get_merge",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{CONTACTS}_whose.py::test_what_is_another_users_is_not_found_and_not_touched",),
    ),
    Mutation(
        "the contacts of another user's message",
        "others",
        "services/contacts/store/timelines.py::list_contacts_of_message",
        InText("AND s.user_id = $1", "AND $1::uuid IS NOT NULL"),
        (f"{CONTACTS}_whose.py::test_what_is_another_users_is_not_found_and_not_touched",),
    ),
    Mutation(
        "addresses of every user that become mine",
        "others",
        "services/contacts/store/own_addresses.py::update_is_me",
        InText("WHERE user_id = $1 AND kind", "WHERE $1::uuid IS NOT NULL AND kind"),
        (
            f"{CONTACTS}_whose.py::test_whatever_happens_to_one_user_leaves_every_row_of_another_with_the_same_ids_alone",
        ),
    ),
    Mutation(
        "cards of another user with the same address",
        "others",
        "services/contacts/store/identity_resolution.py::_add_cards",
        InText("k.emails && $5::text[] AND k.user_id = $1", "k.emails && $5::text[]"),
        (
            f"{CONTACTS}_whose.py::test_whatever_happens_to_one_user_leaves_every_row_of_another_with_the_same_ids_alone",
        ),
    ),
    Mutation(
        "interactions of everybody deleted with one user",
        "others",
        "services/contacts/store/deletions.py::delete_interactions_after",
        InText("WHERE user_id = $1 AND id > $2", "WHERE $1::uuid IS NOT NULL AND id > $2"),
        (
            f"{CONTACTS}_whose.py::test_whatever_happens_to_one_user_leaves_every_row_of_another_with_the_same_ids_alone",
        ),
    ),
    Mutation(
        "what another account saw purged too",
        "others",
        "services/contacts/store/observations.py::list_of_source",
        InText("WHERE source_id = $1 LIMIT $2", "WHERE $1::uuid IS NOT NULL LIMIT $2"),
        (f"{CONTACTS}_whose.py::test_two_mails_meetings_and_cards_of_one_id_in_two_accounts_are_two",),
    ),
    Mutation(
        "mail of another account compared",
        "others",
        "services/contacts/store/audits.py::list_differing",
        InText("s.source_id = $1 AND", "$1::uuid IS NOT NULL AND"),
        (f"{CONTACTS}_audits.py::test_mail_differs_where_it_is_missing_older_gone_or_there_although_it_went",),
    ),
    Mutation(
        "answers in another account's thread of that name",
        "others",
        "services/contacts/store/interactions.py::update_answered",
        InText("own.source_id = s.source_id AND", ""),
        (f"{CONTACTS}_rules.py::test_who_becomes_a_contact_under_each_rule",),
    ),
    condition_lost(
        "a contact of anybody",
        "services/contacts/store/contacts.py::get_living_id",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    condition_lost(
        "a merge of anybody's is undone",
        "services/contacts/store/merges.py::get_merge",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    condition_lost(
        "everybody's contacts are listed",
        "services/contacts/store/contact_search.py::LISTED",
        "c.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "on whose timelines a message of anybody is",
        "services/contacts/store/timelines.py::list_contacts_of_message",
        "s.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "guests are known by what others know of them",
        "services/contacts/store/addresses.py::list_owned_emails",
        "user_id = $1 AND kind",
        f"{ANYBODY_1} AND kind",
        REQUESTS,
    ),
    condition_lost(
        "everybody's accounts stand in BCC addresses",
        "services/contacts/store/accounts.py::list_accounts",
        "user_id = $1 AND connected",
        f"{ANYBODY_1} AND connected",
        REQUESTS,
    ),
    condition_lost(
        "everybody's interactions are exported",
        "services/contacts/store/export.py::list_interactions",
        "i.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "everybody's messages are counted",
        "services/contacts/store/counts.py::get_counts",
        "FROM interaction_counts WHERE user_id = $1",
        "FROM interaction_counts WHERE $1::uuid IS NOT NULL",
        REQUESTS,
    ),
    condition_lost(
        "whoever leaves takes everybody's interactions along",
        "services/contacts/store/deletions.py::delete_interactions_after",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "what contacts hold of an account of anybody",
        "services/contacts/store/audits.py::list_differing",
        "s.user_id = $6",
        "$6::uuid IS NOT NULL",
        REQUESTS,
    ),
    condition_lost(
        "a view with the rights of its owner",
        "services/contacts/views/timeline_lines.sql",
        "security_invoker = true",
        "security_invoker = false",
        (f"{_WALL}::test_every_table_has_a_policy_or_a_reason_for_none",),
    ),
    condition_lost(
        "the possible duplicates of everybody",
        "services/contacts/store/duplicates.py::list_suggestions",
        "user_id = $1 AND",
        f"{ANYBODY_1} AND",
        (f"{CONTACTS}_whose.py::test_what_one_user_is_shown_does_not_depend_on_another_with_the_same_ids",),
    ),
    Mutation(
        "another user's mail is dismissed",
        "others",
        "services/contacts/store/waiting.py::dismiss",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_what_is_dismissed_waits_no_more_until_they_write_again",
        ),
    ),
    Mutation(
        "another user's dismissal is taken back",
        "others",
        "services/contacts/store/waiting.py::restore",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (
            "tests/integration/contacts/test_contacts_unanswered.py::test_what_is_dismissed_waits_no_more_until_they_write_again",
        ),
    ),
    condition_lost(
        "everybody's mail is found by its words",
        "services/contacts/store/mail_search.py::list_mail",
        "WHERE user_id = $1 AND",
        f"WHERE {ANYBODY_1} AND",
        (f"{CONTACTS}_mail.py::test_mail_is_found_by_its_words_wherever_it_landed",),
    ),
    Mutation(
        "a rule of one user takes the questions of others along",
        "others",
        "services/contacts/store/exclusion_work.py::_forget",
        InText(
            "DELETE FROM bcc_offers WHERE user_id = $1 AND", "DELETE FROM bcc_offers WHERE $1::uuid IS NOT NULL AND"
        ),
        (
            "tests/integration/contacts/test_contacts_do_not_record.py::test_the_question_to_another_user_about_the_same_address_stays",
        ),
    ),
    Mutation(
        "one busy user holds up the rules of all",
        "others",
        "services/contacts/exclusion_work.py::work_off_exclusions",
        Replace("get_logger().info('exclusion_postponed', user=str(user_id))", "raise"),
        (
            "tests/integration/contacts/test_contacts_locks.py::test_rules_are_worked_off_and_duplicates_found_for_others_while_one_user_is_busy",
        ),
    ),
    Mutation(
        "one busy user holds up the duplicates of all",
        "others",
        "services/contacts/duplicates.py::refresh_due_duplicates",
        Replace("get_logger().info('duplicates_postponed', user=str(user_id))", "raise"),
        (
            "tests/integration/contacts/test_contacts_locks.py::test_rules_are_worked_off_and_duplicates_found_for_others_while_one_user_is_busy",
        ),
    ),
)
