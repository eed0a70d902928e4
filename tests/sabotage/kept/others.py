"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"
STORE = "tests/integration/gateway/test_gateway_store.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
CONTACTS = "tests/integration/contacts/test_contacts"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a message is settled in every mailbox that has its id",
        "others",
        "services/sync/store/ledger.py::settle",
        InText("WHERE m.account_id = s.account_id AND m.gmail_id", "WHERE m.gmail_id"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "what another mailbox set aside is tried again",
        "others",
        "services/sync/store/messages.py::retry",
        InText("WHERE account_id = $1 AND state = 'set_aside'", "WHERE state = 'set_aside'"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a card of another account is marked as published",
        "others",
        "services/sync/store/people.py::mark_people_published",
        InText("WHERE account_id = $1 AND people", "WHERE $1::uuid IS NOT NULL AND people"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "the list of another audit counts",
        "others",
        "services/sync/store/audits.py::_LISTED",
        InText("WHERE p.account_id = $1", ""),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a meeting is shown whose user nobody looked at",
        "others",
        "services/sync/store/meetings.py::get_meeting",
        InText("m.user_id = $1 AND meeting_id", "$1::uuid IS NOT NULL AND meeting_id"),
        (f"{SYNC}/test_sync_apart.py::test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids",),
    ),
    Mutation(
        "the sync history of an account is shown to whoever knows its id",
        "others",
        "services/sync/store/runs.py::list_runs",
        InText("account_id = $2 AND user_id = $1", "account_id = $2 AND $1::uuid IS NOT NULL"),
        (f"{SYNC}/test_sync_apart.py::test_olga_sees_neither_runs_nor_meetings_of_mayas_though_she_knows_their_ids",),
    ),
    Mutation(
        "an audit is started by whoever knows the id of the account",
        "others",
        "services/sync/context.py::Context.get_account",
        Replace("account is None or account.user_id != user_id", "account is None"),
        (f"{SYNC}/test_sync_schedules.py::test_the_owner_of_an_account_may_have_it_audited_now",),
    ),
    Mutation(
        "a sync is requested by whoever knows the id of the account",
        "others",
        "services/sync/handlers/requests.py::request_run",
        Replace(
            'account is None or account.user_id != event.user_id or account.state == "disconnected"',
            'account is None or account.state == "disconnected"',
        ),
        (
            f"{SYNC}/test_sync_handlers.py::test_a_sync_is_requested_of_the_own_account_and_mail_is_polled_at_the_full_rate_from_then_on",
        ),
    ),
    Mutation(
        "whether a watch fails is read of another account",
        "others",
        "services/sync/store/freshness.py::note_activity",
        InText("FROM accounts WHERE account_id = $1", "FROM accounts"),
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    Mutation(
        "a user who marks everything as read marks it for all",
        "others",
        "services/gateway/store/notifications.py::mark_all_notifications_read",
        InText("user_id = $1 AND read_at", "$1::uuid IS NOT NULL AND read_at"),
        (f"{STORE}::test_nobody_reads_marks_or_answers_the_notification_of_another_user",),
    ),
    Mutation(
        "an offer that another user answers",
        "others",
        "services/gateway/store/notifications.py::record_answer",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{STORE}::test_nobody_reads_marks_or_answers_the_notification_of_another_user",),
    ),
    Mutation(
        "an event that is counted in another user's notification",
        "others",
        "services/gateway/store/notifications.py::_add_to_earlier",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{STORE}::test_the_same_event_key_of_two_users_is_two_notifications",),
    ),
    Mutation(
        "what is stored while its user is deleted stays for ever",
        "others",
        "services/gateway/store/notifications.py::insert_notification",
        InText("SELECT pg_advisory_xact_lock_shared(", "SELECT ("),
        (f"{STORE}::test_what_is_stored_while_its_owner_is_deleted_goes_too",),
    ),
    Mutation(
        "a stream that stays open after its session was signed out",
        "others",
        "services/gateway/pages/sign_in.py::sign_out",
        Replace("context.hub.close_session(caller.id, session)", ""),
        (f"{ENDS}::test_signing_out_ends_the_stream_here_and_elsewhere",),
    ),
    Mutation(
        "streams that stay open after signing out everywhere",
        "others",
        "services/gateway/sessions/ending.py::end_all_sessions",
        Replace("context.hub.close_sessions(user_id)", ""),
        (f"{ENDS}::test_signing_out_everywhere_ends_the_streams_of_all_sessions_and_no_others",),
    ),
    Mutation(
        "a contact of another user",
        "others",
        "services/contacts/store/contacts.py::get_living_id",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{CONTACTS}_whose.py::test_what_is_another_users_is_not_found_and_not_touched",),
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
        "look-alikes of another user",
        "others",
        "services/contacts/store/contact_search.py::list_look_alikes",
        InText("c.user_id = me.user_id AND", ""),
        (f"{CONTACTS}_whose.py::test_what_one_user_is_shown_does_not_depend_on_another_with_the_same_ids",),
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
)
