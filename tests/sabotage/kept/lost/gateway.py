"""Nothing lost, in the API, the pages, notifications and webhooks (`gateway`)."""

from tests.sabotage.kept.lost import life
from tests.sabotage.mutation import InText, Mutation, Replace, Swap

EDGES = "tests/integration/gateway/test_gateway_edges.py"
PUSH = "tests/integration/gateway/test_gateway_google_push.py"
SAFETY = "tests/integration/gateway/test_gateway_webhook_safety.py"
CONTACTS = "tests/integration/gateway/test_gateway_webhook_contacts.py"
WLOOP = "tests/unit/gateway/test_gateway_webhook_loop.py"
LIVE = "tests/integration/gateway/test_gateway_live_updates.py"
STORE = "tests/integration/gateway/test_gateway_store.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a sync that is accepted and never requested",
        "lost",
        "services/gateway/api/accounts.py::sync_account",
        Replace("await call.context.bus.publish(...)", ""),
        (f"{EDGES}::test_a_yes_is_given_when_the_bus_has_it_and_not_before",),
    ),
    Mutation(
        "a notification of Gmail's that is confirmed before the bus has it",
        "lost",
        "services/gateway/api/google_push.py::receive_gmail_push",
        Replace("await context.bus.publish(...)", ""),
        (f"{PUSH}::test_what_the_bus_does_not_have_is_not_confirmed",),
    ),
    Mutation(
        "a webhook call is given up while the settings can not be looked up",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender._deliver",
        Replace(
            "await call.put_back(self.db, SETTINGS_RETRY_DELAY)",
            "await call.postpone(self.db, SETTINGS_RETRY_DELAY)",
        ),
        (f"{SAFETY}::test_while_the_settings_can_not_be_looked_up_no_attempt_is_used_up",),
    ),
    Mutation(
        "a notification that comes while webhooks are called waits for the next look",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender.keep_sending",
        Swap("self._woken.clear()", "await self.bus.run_guarded(self.send_due)"),
        (f"{WLOOP}::test_what_is_notified_of_while_calls_are_made_does_not_wait_for_the_next_look",),
    ),
    Mutation(
        "a push of Gmail's confirmed without having been published",
        "lost",
        "services/gateway/api/google_push.py::receive_gmail_push",
        Replace("await context.bus.publish(...)", ""),
        life("push-fails"),
    ),
    Mutation(
        "a notification and its webhook call in two transactions",
        "lost",
        "services/gateway/handlers/notifications.py::notify",
        Replace("connection.transaction()", "context.db.acquire()"),
        life("brief-fails"),
    ),
    Mutation(
        "a webhook call forgotten before it is made",
        "lost",
        "services/gateway/webhook_delivery/sender.py::WebhookSender._deliver",
        Replace(
            "failure = await self._post(str(url), await self._get_secrets(call.user_id), call)",
            "await call.settle(self.db)\n"
            "        failure = await self._post(str(url), await self._get_secrets(call.user_id), call)",
        ),
        life("brief-fails"),
    ),
    Mutation(
        "a stream begins with what comes after its opening",
        "lost",
        "services/gateway/live_updates.py::Hub.open_stream",
        Replace("position_from(since) if since else log.latest", "log.latest"),
        (f"{LIVE}::test_what_came_between_a_page_and_its_stream_is_sent_when_that_opens",),
    ),
    Mutation(
        "what went by while the bus was away was nothing",
        "lost",
        "services/gateway/__main__.py::wire",
        Replace("r.bus.on_missed_broadcasts(context.hub.require_resync)", ""),
        (f"{LIVE}::test_a_browser_fetches_anew_where_its_gateway_may_have_missed_something",),
    ),
    Mutation(
        "a notification that can't be loaded shows with the next one",
        "lost",
        "services/gateway/handlers/live_updates.py::push_notification",
        Replace("context.hub.send(event.user_id, RESYNC)", ""),
        (f"{LIVE}::test_a_browser_fetches_anew_where_its_gateway_may_have_missed_something",),
    ),
    Mutation(
        "a call that ends takes what has grown meanwhile along",
        "lost",
        "services/gateway/store/webhook_deliveries.py::delete_delivery",
        InText("AND revision <= $2 RETURNING", "AND revision <= $2 + 1000 RETURNING"),
        (f"{STORE}::test_a_notification_that_grows_at_the_moment_its_call_ends_is_called_again",),
    ),
    Mutation(
        "a notification that grows is called in its first state alone",
        "lost",
        "services/gateway/store/notifications.py::_add",
        Replace("await _require_call(connection, notification_id, revision)", ""),
        (f"{STORE}::test_a_notification_that_has_grown_and_is_news_again_is_called_again",),
    ),
    Mutation(
        "contacts that change while a call about others is made are forgotten with it",
        "lost",
        "services/gateway/store/webhook_contacts.py::forget_called",
        InText("AND waiting = '{}' AND NOT waiting_resync RETURNING", "RETURNING"),
        (f"{CONTACTS}::test_what_changes_while_a_call_is_made_is_called_about_afterwards_also_a_contact_of_that_call",),
    ),
    Mutation(
        "contacts whose call was given up are never named again",
        "lost",
        "services/gateway/store/webhook_contacts.py::give_up_contacts",
        InText("waiting_resync = true", "waiting_resync = false"),
        (f"{CONTACTS}::test_what_was_given_up_is_made_good_by_the_next_call",),
    ),
    Mutation(
        "contacts that change while the gateway is off are called about never",
        "lost",
        "services/gateway/__main__.py::wire",
        Replace("r.bus.subscribe_batch(ContactChanged, partial(contact_changes.gather_for_webhooks, context))", ""),
        (f"{CONTACTS}::test_what_changed_while_the_gateway_was_off_is_called_about_when_it_is_back",),
    ),
    Mutation(
        "calls about contacts that were chosen by a request without a response begin minutes later",
        "lost",
        "services/gateway/preferences.py::change_preferences",
        Replace("await _remember(cache, user_id, before.version + 1, _UNKNOWN)", ""),
        (f"{CONTACTS}::test_a_choice_whose_response_was_lost_counts_from_when_it_is_stored",),
    ),
    Mutation(
        "settings that were read before a change take the place of what it chose",
        "lost",
        "services/gateway/preferences.py::_REMEMBER",
        InText("<= tonumber(ARGV[1])", "<= 1000000"),
        (f"{CONTACTS}::test_settings_that_were_read_before_a_change_say_nothing_after_it",),
    ),
    Mutation(
        "an export that is given up while it is made for the last time",
        "lost",
        "services/gateway/store/exports.py::list_given_up",
        InText("AND lease_until < now()", ""),
        (
            "tests/integration/gateway/test_gateway_exports_and_calls.py::test_an_export_that_is_made_for_the_last_time_is_not_given_up_before_it_ends",
        ),
    ),
    Mutation(
        "a replica that stops uses up an attempt at its export",
        "lost",
        "services/gateway/store/exports.py::return_claim",
        InText("claims = claims - 1", "claims = claims"),
        ("tests/integration/gateway/test_gateway_exports_and_calls.py::test_a_replica_that_stops_uses_up_no_attempt",),
    ),
    Mutation(
        "an archive without a piece that passes for the whole",
        "lost",
        "services/gateway/api/exports.py::download_export",
        Replace("call.http_request.transport.abort()", ""),
        (
            "tests/integration/gateway/test_gateway_export_in_background.py::test_an_export_is_made_notified_of_and_given_to_its_user_alone",
        ),
    ),
    Mutation(
        "a stream of a user who is gone breaks the log of another",
        "lost",
        "services/gateway/live_updates.py::Hub._discard",
        Replace("self._logs.get(stream.user_id) is stream.log", "True"),
        (
            "tests/unit/gateway/test_gateway_live_streams.py::test_events_are_kept_for_as_many_users_as_there_is_room_for_and_for_all_with_a_stream",
        ),
    ),
    Mutation(
        "a conversation that one reads is gone when something else comes",
        "lost",
        "services/gateway/pages/timeline.py::_opened",
        Replace('visit.http_request.query.getall("open", ())', "()"),
        (
            "tests/integration/gateway/test_gateway_people_pages.py::test_conversations_that_are_open_stay_so_where_the_timeline_is_fetched_anew",
        ),
    ),
    Mutation(
        "a link that somebody opened is forgotten for a part of another page",
        "lost",
        "services/gateway/pages/sign_in.py::_is_opened",
        Replace("not fetched", "True"),
        (
            "tests/integration/gateway/test_gateway_pages.py::test_a_link_that_was_opened_signed_out_leads_there_after_the_sign_in",
        ),
    ),
)
