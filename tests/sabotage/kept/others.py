"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation, Replace

SYNC = "tests/integration/sync"
STORE = "tests/integration/gateway/test_gateway_store.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
CONTACTS = "tests/integration/contacts/test_contacts"
_TESTS = "tests/integration/test_isolation.py"
REQUESTS = (f"{_TESTS}::test_no_request_of_another_user_shows_or_changes_anything",)
OPERATIONS = (f"{_TESTS}::test_no_operation_of_another_user_shows_or_changes_anything",)
ACCOUNTS = (f"{_TESTS}::test_an_id_that_two_accounts_of_a_user_have_is_two_things",)
_WALL = "tests/integration/common/test_row_security.py"
ANYBODY_1, ANYBODY_2 = "$1::uuid IS NOT NULL", "$2::uuid IS NOT NULL"


def _lost(name: str, place: str, part: str, by: str, noticed_by: tuple[str, ...]) -> Mutation:
    """A condition of a statement that is lost. The parameter stays, for a statement must use all that it is given."""
    return Mutation(name, "others", place, InText(part, by), noticed_by)


AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"
SETTINGS = "tests/integration/gateway/test_gateway_settings_pages.py"

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
        "the sync history of an account is shown to whoever knows its id",
        "others",
        "services/sync/store/runs.py::list_runs",
        InText("account_id = $2 AND user_id = $1", "account_id = $2 AND $1::uuid IS NOT NULL"),
        REQUESTS,
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
    _lost(
        "a contact of anybody",
        "services/contacts/store/contacts.py::get_living_id",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    _lost(
        "a merge of anybody's is undone",
        "services/contacts/store/merges.py::get_merge",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    _lost(
        "everybody's contacts are listed",
        "services/contacts/store/contact_search.py::LISTED",
        "c.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "on whose timelines a message of anybody is",
        "services/contacts/store/timelines.py::list_contacts_of_message",
        "s.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "guests are known by what others know of them",
        "services/contacts/store/addresses.py::list_owned_emails",
        "user_id = $1 AND kind",
        f"{ANYBODY_1} AND kind",
        REQUESTS,
    ),
    _lost(
        "everybody's accounts stand in BCC addresses",
        "services/contacts/store/accounts.py::list_accounts",
        "user_id = $1 AND connected",
        f"{ANYBODY_1} AND connected",
        REQUESTS,
    ),
    _lost(
        "everybody's interactions are exported",
        "services/contacts/store/export.py::list_interactions",
        "i.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "everybody's messages are counted",
        "services/contacts/store/counts.py::get_counts",
        "interactions WHERE user_id = $1 AND platform = 'email'",
        "interactions WHERE platform = 'email'",
        REQUESTS,
    ),
    _lost(
        "whoever leaves takes everybody's interactions along",
        "services/contacts/store/deletions.py::delete_interactions_after",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "what contacts hold of an account of anybody",
        "services/contacts/store/audits.py::list_differing",
        "s.user_id = $6",
        "$6::uuid IS NOT NULL",
        REQUESTS,
    ),
    _lost(
        "a meeting of anybody",
        "services/sync/store/meetings.py::get_meeting",
        "m.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "everybody's meetings are listed",
        "services/sync/store/meetings.py::list_meetings",
        "m.user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    Mutation(
        "an account of anybody is explained, audited and retried",
        "others",
        "services/sync/context.py::Context.get_account",
        Replace("account is None or account.user_id != user_id", "account is None"),
        REQUESTS,
    ),
    _lost(
        "a message of another account is explained",
        "services/sync/store/messages.py::list_by_id",
        "messages WHERE account_id = $1 AND gmail_id = $2 UNION",
        f"messages WHERE {ANYBODY_1} AND gmail_id = $2 UNION",
        ACCOUNTS,
    ),
    _lost(
        "messages of every account are tried again",
        "services/sync/store/messages.py::retry",
        "m.account_id = $1 AND m.gmail_id",
        f"{ANYBODY_1} AND m.gmail_id",
        (
            f"{SYNC}/test_sync_apart.py::test_what_is_about_one_account_touches_no_other_account_of_the_same_user_nor_of_another",
        ),
    ),
    _lost(
        "what became of anybody's brief",
        "services/prep/store/preps.py::list_latest",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "a brief of another account passes for one of this",
        "services/prep/store/preps.py::list_tokens",
        "account_id = $2",
        ANYBODY_2,
        ACCOUNTS,
    ),
    _lost(
        "a purged account takes everybody's briefs along",
        "services/prep/store/preps.py::delete_of_account",
        "account_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "an account of anybody is disconnected",
        "services/auth/store/accounts.py::get_account_for_update",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    _lost(
        "everybody's accounts are listed",
        "services/auth/store/accounts.py::list_accounts",
        "$1::uuid IS NULL OR user_id = $1",
        "$1::uuid IS NULL OR true",
        REQUESTS,
    ),
    _lost(
        "an API token of anybody is deleted",
        "services/auth/store/api_tokens.py::delete_api_token",
        "id = $1 AND user_id = $2",
        f"id = $1 AND {ANYBODY_2}",
        REQUESTS,
    ),
    _lost(
        "everybody is signed out everywhere",
        "services/auth/store/sessions.py::delete_sessions",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    _lost(
        "a notification of anybody is read",
        "services/gateway/store/notifications.py::mark_notification_read",
        "user_id = $1 AND id = $2",
        f"{ANYBODY_1} AND id = $2",
        OPERATIONS,
    ),
    _lost(
        "what anybody was offered is accepted",
        "services/gateway/store/notifications.py::get_notification",
        "user_id = $1 AND id = $2",
        f"{ANYBODY_1} AND id = $2",
        OPERATIONS,
    ),
    _lost(
        "everybody's notifications are listed",
        "services/gateway/store/notifications.py::list_notifications",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    _lost(
        "everybody's notifications are read at once",
        "services/gateway/store/notifications.py::mark_all_notifications_read",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    _lost(
        "everybody's unread notifications are counted",
        "services/gateway/store/notifications.py::count_unread",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    _lost(
        "a purged account takes another's notifications along",
        "services/gateway/store/notifications.py::delete_account_notifications",
        "account_id = $2",
        ANYBODY_2,
        ACCOUNTS,
    ),
    Mutation(
        "live updates go to everybody",
        "others",
        "services/gateway/live_updates.py::Hub.send",
        Replace(
            "self._streams.get(user_id, ())", "[stream for streams in self._streams.values() for stream in streams]"
        ),
        OPERATIONS,
    ),
    Mutation(
        "an Idempotency-Key is everybody's",
        "others",
        "libs/common/bus/responding.py::Responder._reply_json",
        Replace('str(user_id or "-")', '"-"'),
        OPERATIONS,
    ),
    Mutation(
        "requests are handled without the second wall",
        "others",
        "libs/common/bus/responding.py::Responder._reply_json",
        Replace("db.on_behalf_of(user_id)", "db.on_behalf_of(None)"),
        (f"{_WALL}::test_a_request_is_handled_on_behalf_of_its_user",),
    ),
    Mutation(
        "the API is served without the second wall",
        "others",
        "services/gateway/sessions/authentication.py::authenticate",
        Replace("act_on_behalf_of(caller.user.id)", ""),
        (f"{_WALL}::test_a_call_of_the_api_is_made_on_behalf_of_its_caller",),
    ),
    Mutation(
        "an interrupted change of user counts as none",
        "others",
        "libs/common/db.py::_UserConnection.work_for",
        Replace("self._user = object()", ""),
        (f"{_WALL}::test_who_is_interrupted_while_it_becomes_somebody_leaves_nothing_to_the_next",),
    ),
    Mutation(
        "a policy that is not in force",
        "others",
        "libs/local/row_security.py::statements",
        InText("'ENABLE' if condition", "'DISABLE' if condition"),
        (f"{_WALL}::test_every_table_has_a_policy_or_a_reason_for_none",),
    ),
    _lost(
        "a view with the rights of its owner",
        "services/contacts/views/timeline_lines.sql",
        "security_invoker = true",
        "security_invoker = false",
        (f"{_WALL}::test_every_table_has_a_policy_or_a_reason_for_none",),
    ),
    Mutation(
        "a meeting is shown whose user nobody looked at",
        "others",
        "services/sync/store/meetings.py::get_meeting",
        InText("m.user_id = $1 AND meeting_id", "$1::uuid IS NOT NULL AND meeting_id"),
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
        "the state of a brief is shown to whoever knows the meeting",
        "others",
        "services/prep/store/preps.py::list_latest",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{PREP_ROWS}::test_the_latest_brief_of_each_meeting_is_the_one_written_last",),
    ),
    Mutation(
        "another user's brief is gone on with under their id",
        "others",
        "services/prep/store/preps.py::acquire_by_hand",
        InText(
            "(preps.user_id, preps.meeting_id) = (excluded.user_id, excluded.meeting_id)",
            "preps.meeting_id = excluded.meeting_id",
        ),
        (f"{PREP_ROWS}::test_a_brief_by_hand_is_taken_up_by_its_user_for_its_meeting_alone",),
    ),
    Mutation(
        "a brief of somebody else's meeting",
        "others",
        "services/prep/gathering.py::gather",
        Replace("meeting is None or owner is None or meeting.user_id != user_id", "meeting is None or owner is None"),
        (f"{PREP_GATHERING}::test_a_brief_is_gathered_for_a_users_own_meeting_alone",),
    ),
    Mutation(
        "a purge of one account takes the briefs of all",
        "others",
        "services/prep/store/preps.py::delete_of_account",
        InText("WHERE account_id = $1", "WHERE $1::uuid IS NOT NULL"),
        (f"{PREP_ROWS}::test_a_purge_takes_what_is_its_own_and_nothing_else",),
    ),
    Mutation(
        "an API token is deleted by another user",
        "others",
        "services/auth/store/api_tokens.py::delete_api_token",
        InText("AND user_id = $2", "AND $2::uuid IS NOT NULL"),
        (f"{AUTH_CREDENTIALS}::test_an_api_token_is_its_users_and_is_listed_oldest_first",),
    ),
    Mutation(
        "who gave an account up is signed in with it",
        "others",
        "services/auth/store/users.py::get_owner",
        InText("ORDER BY connected DESC", "ORDER BY connected"),
        (f"{AUTH_LINKING}::test_an_account_leads_to_who_has_it_and_not_to_who_gave_it_up",),
    ),
    _lost(
        "the possible duplicates of everybody",
        "services/contacts/store/duplicates.py::list_suggestions",
        "user_id = $1 AND",
        f"{ANYBODY_1} AND",
        (f"{CONTACTS}_whose.py::test_what_one_user_is_shown_does_not_depend_on_another_with_the_same_ids",),
    ),
    Mutation(
        "a change of settings that another user undoes",
        "others",
        "services/gateway/pages/settings.py::_undo_key",
        Replace('f"undo:{visit.user_id}:{undo_id[:50]}"', 'f"undo:{undo_id[:50]}"'),
        (f"{SETTINGS}::test_each_section_of_the_settings_is_saved_by_itself_and_can_be_undone_for_a_while",),
    ),
    Mutation(
        "everything is deleted behind any word",
        "others",
        "services/gateway/pages/leaving.py::delete",
        Replace("typed.casefold() != visit.user.address.casefold()", "not typed"),
        (f"{SETTINGS}::test_tokens_are_shown_once_and_everything_goes_only_behind_the_own_address",),
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
        "an integration gets the events of every user",
        "others",
        "libs/common/integrations.py::subscribed_subjects",
        Replace('[str(user) for user in grants.users] or ["*"]', '["*"]'),
        ("tests/unit/common/test_integration_rules.py",),
    ),
    Mutation(
        "an integration reports about whoever it names",
        "others",
        "libs/common/bus/delivery.py::Delivery._parse",
        Replace('author and event.about().get("user") != author.user_id', "False"),
        (
            "tests/integration/common/test_integrations.py::test_what_an_integration_publishes_reaches_the_product_and_what_is_wrong_with_it_comes_back",
        ),
    ),
)
