"""In the right order, place and time: what is harmful because it comes too early, too late or uncounted."""

from tests.sabotage.mutation import InText, Mutation, Replace

LIMITS = "tests/integration/gateway/test_gateway_limits.py"
CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS = (
    Mutation(
        "a bucket of requests that is never emptied",
        "order",
        "services/gateway/limits/token_bucket.lua",
        InText("'tokens', tokens - 1,", "'tokens', tokens,"),
        (f"{LIMITS}::test_two_replicas_count_together",),
    ),
    Mutation(
        "a timeline that skips lines of one moment",
        "order",
        "services/contacts/store/timelines.py::list_lines",
        InText("(occurred_at, interaction_id) < ($5, $6::uuid)", "occurred_at < $5 AND $6::uuid IS NOT NULL"),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a timeline without an order inside a moment",
        "order",
        "services/contacts/store/timelines.py::list_lines",
        InText(
            "ORDER BY occurred_at DESC, interaction_id DESC LIMIT $7",
            "ORDER BY occurred_at DESC, interaction_id LIMIT $7",
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
    ),
    Mutation(
        "a thread that folds into its oldest line",
        "order",
        "services/contacts/store/timelines.py::list_lines",
        InText(
            "ORDER BY occurred_at DESC, interaction_id DESC) AS nth", "ORDER BY occurred_at, interaction_id) AS nth"
        ),
        (
            f"{CONTACTS}_pages.py::test_a_timeline_is_newest_first_on_pages_of_any_size_however_many_lines_are_of_one_moment",
        ),
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
        "services/contacts/store/contact_search.py::list_by_text",
        InText("{0.05, 0.1, 0.4, 1.0}", "{1.0, 0.4, 0.1, 0.05}"),
        (f"{CONTACTS}_pages.py::test_what_is_found_in_a_name_comes_before_addresses_companies_and_notes",),
    ),
    Mutation(
        "a brief that shows the meeting itself as the last contact",
        "order",
        "services/contacts/store/timelines.py::list_last_lines",
        InText("l.occurred_at < $2", "l.occurred_at <= $2"),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "bulk mail that takes the place of mail in a brief",
        "order",
        "services/contacts/store/timelines.py::list_last_lines",
        InText("ORDER BY counted DESC, occurred_at DESC", "ORDER BY occurred_at DESC"),
        (
            f"{CONTACTS}_pages.py::test_the_last_lines_of_guests_are_their_newest_before_the_meeting_with_bulk_mail_only_in_want_of_others",
        ),
    ),
    Mutation(
        "what others call somebody before their own name",
        "order",
        "services/contacts/store/names.py::_LEARN",
        InText("l.rank DESC, i.occurred_at DESC", "i.occurred_at DESC, l.rank DESC"),
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
        "services/contacts/scoring.py::_snapshot",
        Replace("next_change(interactions, now)", "None"),
        (f"{CONTACTS}_rules.py::test_stored_scores_are_those_of_the_moment_and_due_when_they_can_change",),
    ),
)
