"""Nobody else's, in the API, the pages, notifications and webhooks (`gateway`)."""

from tests.sabotage.kept.others import ACCOUNTS, ANYBODY_1, ANYBODY_2, OPERATIONS, condition_lost
from tests.sabotage.mutation import InText, Mutation, Replace

STORE = "tests/integration/gateway/test_gateway_store.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
_WALL = "tests/integration/common/test_row_security.py"
SETTINGS = "tests/integration/gateway/test_gateway_settings_pages.py"
TOKEN_SCOPES = "tests/integration/gateway/test_gateway_token_scopes.py"

MUTATIONS: tuple[Mutation, ...] = (
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
        Replace("await lock_user_shared(connection, new.user_id)", ""),
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
    condition_lost(
        "a notification of anybody is read",
        "services/gateway/store/notifications.py::mark_notification_read",
        "user_id = $1 AND id = $2",
        f"{ANYBODY_1} AND id = $2",
        OPERATIONS,
    ),
    condition_lost(
        "what anybody was offered is accepted",
        "services/gateway/store/notifications.py::get_notification",
        "user_id = $1 AND id = $2",
        f"{ANYBODY_1} AND id = $2",
        OPERATIONS,
    ),
    condition_lost(
        "everybody's notifications are listed",
        "services/gateway/store/notifications.py::list_notifications",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    condition_lost(
        "everybody's notifications are read at once",
        "services/gateway/store/notifications.py::mark_all_notifications_read",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    condition_lost(
        "everybody's unread notifications are counted",
        "services/gateway/store/notifications.py::count_unread",
        "user_id = $1",
        ANYBODY_1,
        OPERATIONS,
    ),
    condition_lost(
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
        Replace("user_id in self._logs", "[log.append(event) for log in self._logs.values()] and False"),
        OPERATIONS,
    ),
    Mutation(
        "the API is served without the second wall",
        "others",
        "services/gateway/sessions/authentication.py::authenticate",
        Replace("act_on_behalf_of(caller.user.id)", ""),
        (f"{_WALL}::test_a_call_of_the_api_is_made_on_behalf_of_its_caller",),
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
        "an operation that asks no token for its scope",
        "others",
        "services/gateway/api/serving.py::route",
        Replace("caller.require(endpoint.scope)", 'caller.require("read")'),
        (f"{TOKEN_SCOPES}::test_an_operation_lets_in_the_tokens_of_its_scope_and_no_others",),
    ),
    Mutation(
        "a page that opens to API tokens",
        "others",
        "services/gateway/sessions/authentication.py::find_caller",
        Replace("_identify_session(request, bus, settings)", "authenticate(request, bus, settings)"),
        (f"{TOKEN_SCOPES}::test_no_token_opens_a_page_or_sends_a_form",),
    ),
    Mutation(
        "an export is made without the second wall",
        "others",
        "services/gateway/export_making.py::_make",
        Replace("on_behalf_of(mine.user_id)", "on_behalf_of(None)"),
        (
            "tests/integration/gateway/test_gateway_export_in_background.py::test_an_export_that_can_not_be_made_is_tried_again_and_then_shows_why",
        ),
    ),
    Mutation(
        "a deleted user leaves the calls of their webhook",
        "others",
        "services/gateway/store/users.py::delete_user",
        Replace(
            '("accounts", "webhook_calls", "webhook_contacts", "webhook_secrets")',
            '("accounts", "webhook_contacts", "webhook_secrets")',
        ),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_whoever_is_deleted_takes_everything_along_and_nothing_comes_after",
        ),
    ),
    Mutation(
        "a call of a webhook drives out those of others",
        "others",
        "services/gateway/store/webhook_calls.py::insert_call",
        InText("WHERE user_id = $1 AND id < (SELECT", "WHERE $1::uuid IS NOT NULL AND id < (SELECT"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_the_last_calls_of_each_user_are_kept_newest_first",
        ),
    ),
    Mutation(
        "a call of a webhook is noted of a deleted user",
        "others",
        "services/gateway/store/webhook_calls.py::insert_call",
        InText("NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $2) AND", ""),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_whoever_is_deleted_takes_everything_along_and_nothing_comes_after",
        ),
    ),
    Mutation(
        "the calls of everybody's webhooks are shown",
        "others",
        "services/gateway/store/webhook_calls.py::list_calls",
        InText("WHERE c.user_id = $1", "WHERE $1::uuid IS NOT NULL"),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_the_last_calls_of_each_user_are_kept_newest_first",
        ),
    ),
    Mutation(
        "a secret is made for a deleted user",
        "others",
        "services/gateway/store/webhook_secrets.py::next_generation",
        InText("WHERE NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)", ""),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_whoever_is_deleted_takes_everything_along_and_nothing_comes_after",
        ),
    ),
    Mutation(
        "photos are everybody's",
        "others",
        "services/gateway/photos.py::photos_key",
        Replace('f"photos:{user_id}"', '"photos:"'),
        (
            "tests/integration/gateway/test_gateway_photos.py::test_the_photos_of_a_user_go_with_the_user_and_with_a_purged_account",
        ),
    ),
)
