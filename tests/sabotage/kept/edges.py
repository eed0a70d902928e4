"""Safe edges: what comes from outside, and what goes out to others."""

from tests.sabotage.mutation import InText, Mutation, Replace

EDGES = "tests/integration/gateway/test_gateway_edges.py"
LIFE = "tests/unit/common/test_service_life.py"
RESOURCES = "tests/integration/common/test_resources.py"
SAFETY = "tests/integration/gateway/test_gateway_webhook_safety.py"
ENDS = "tests/integration/gateway/test_gateway_stream_ends.py"
LIMITS = "tests/integration/gateway/test_gateway_limits.py"
LINKS = "tests/unit/test_links.py::test_what_is_no_plain_link_never_gets_in"
CLIENT = "tests/unit/gateway/test_webhook_client.py"
HEADERS = "tests/unit/prep/test_mail_headers.py"
RESPONSES = "tests/unit/gateway/test_response_headers.py"
ESCAPING = "tests/unit/test_escaping.py"
CONTACTS = "tests/integration/contacts/test_contacts"
HANDLES = "tests/unit/contacts/test_contacts_handles.py"
WHY_IN_TIME = "tests/integration/sync/test_why_in_time.py"

FAILURES = "tests/unit/local/test_first_failures.py"
ASSISTANTS = "tests/integration/gateway/test_gateway_assistants.py"
TOOLS = "tests/unit/gateway/test_assistant_tools.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "an assistant does what its token may not",
        "edges",
        "services/gateway/assistants/tool.py::use",
        Replace("call.caller.require(chosen.over.scope)", ""),
        (f"{ASSISTANTS}::test_a_token_does_what_its_scopes_permit",),
    ),
    Mutation(
        "an assistant gets in by the cookie of a browser",
        "edges",
        "services/gateway/assistants/routes.py::_authenticate",
        Replace('"Authorization" not in request.headers', "False"),
        (f"{ASSISTANTS}::test_an_assistant_gets_in_by_an_api_token_alone",),
    ),
    Mutation(
        "what assistants ask is not counted",
        "edges",
        "services/gateway/assistants/routes.py::serve",
        Replace("await take_api_request(context, call.user_id)", ""),
        (f"{ASSISTANTS}::test_an_assistant_waits_as_every_other_program_does",),
    ),
    Mutation(
        "a mail writes tags into what a model reads",
        "edges",
        "services/gateway/domain/quoted.py::rendered",
        Replace("text.replace(character, escape)", "text"),
        (f"{TOOLS}::test_no_text_ends_its_own_quotation",),
    ),
    Mutation(
        "a note is added as often as a model repeats itself",
        "edges",
        "services/gateway/assistants/people.py::add_note",
        Replace('replace(call, idempotency_key=f"assistant-{key}")', "call"),
        (f"{ASSISTANTS}::test_a_token_does_what_its_scopes_permit",),
    ),
    Mutation(
        "a webhook whose name leads into the own network",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("None if hosts.anywhere else PublicResolver(hosts)", "None"),
        (f"{SAFETY}::test_a_name_that_leads_into_a_private_network_is_called_on_a_laptop_and_not_by_a_server",),
    ),
    Mutation(
        "a name with a public address opens its private ones",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::PublicResolver.resolve",
        Replace("return allowed", "return found"),
        (f"{SAFETY}::test_of_the_addresses_of_a_name_only_the_public_ones_are_connected_to",),
    ),
    Mutation(
        "a receiver that never replies holds a webhook call for ever",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)", "aiohttp.ClientTimeout(total=None)"),
        (f"{SAFETY}::test_a_call_that_fails_is_due_again_by_the_rule_and_one_without_a_reply_has_failed",),
    ),
    Mutation(
        "a page that anybody may frame",
        "edges",
        "services/gateway/app.py::SECURITY_HEADERS",
        InText("frame-ancestors 'none'", "frame-ancestors *"),
        (f"{EDGES}::test_every_response_whatever_it_is_has_the_headers_that_keep_browsers_safe",),
    ),
    Mutation(
        "calls over HTTP without a time limit",
        "edges",
        "libs/common/service.py::opened",
        Replace("aiohttp.ClientTimeout(total=settings.google_timeout_seconds)", "aiohttp.ClientTimeout()"),
        (f"{RESOURCES}::test_every_call_over_the_network_has_a_time_limit_and_everything_is_closed_at_the_end",),
    ),
    Mutation(
        "statements and locks without a time limit",
        "edges",
        "libs/common/db.py::open_pool",
        Replace("{**PLANNER, **LIMITS}", "{**PLANNER}"),
        (f"{RESOURCES}::test_every_call_over_the_network_has_a_time_limit_and_everything_is_closed_at_the_end",),
    ),
    Mutation(
        "a health check that hangs",
        "edges",
        "libs/common/web.py::_state",
        Replace("asyncio.wait({checking}, timeout=CHECK_TIMEOUT_SECONDS)", "asyncio.wait({checking})"),
        (f"{LIFE}::test_a_check_that_fails_or_hangs_is_named_by_its_kind_and_the_service_not_ready",),
    ),
    Mutation(
        "a browser that has stopped reading holds its stream",
        "edges",
        "services/gateway/api/live_updates.py::_write",
        Replace("asyncio.timeout(WRITE_SECONDS)", "asyncio.timeout(None)"),
        (f"{ENDS}::test_a_browser_that_has_stopped_reading_is_let_go",),
    ),
    Mutation(
        "accounts that are added without a limit",
        "edges",
        "services/gateway/pages/sign_in.py::connect",
        Replace("await count_sign_in(context, request)", ""),
        (f"{LIMITS}::test_a_browser_is_limited_beside_its_address",),
    ),
    Mutation(
        "webhooks are posted with the resolver of the system",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("None if hosts.anywhere else PublicResolver(hosts)", "None"),
        (f"{CLIENT}::test_on_a_server_no_name_leads_into_its_own_network",),
    ),
    Mutation(
        "a server passes for somebody's own machine",
        "edges",
        "services/gateway/webhook_delivery/sender.py::open_webhook_sender",
        Replace("callable_hosts(r.settings.base_url, r.settings.webhook_allow)", "CallableHosts(anywhere=True)"),
        (f"{CLIENT}::test_on_a_server_no_name_leads_into_its_own_network",),
    ),
    Mutation(
        "a webhook that leads inside is found out by its first call alone",
        "edges",
        "services/gateway/api/settings.py::store_settings",
        Replace("await _refuse_private_webhook(call, body.notifications.webhook_url)", ""),
        (
            "tests/integration/gateway/test_gateway_api.py::test_a_webhook_whose_name_leads_into_a_private_network_is_refused_as_it_is_set",
        ),
    ),
    Mutation(
        "one public address of a name opens the way to all of them",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::PublicResolver.resolve",
        Replace("return allowed", "return found"),
        (f"{CLIENT}::test_of_several_addresses_only_the_public_ones_are_connected_to",),
    ),
    Mutation(
        "a webhook that never replies holds its sender for minutes",
        "edges",
        "services/gateway/webhook_delivery/http_client.py::webhook_session",
        Replace("aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)", "aiohttp.ClientTimeout()"),
        (f"{CLIENT}::test_the_client_keeps_no_cookies_and_gives_up_after_a_while",),
    ),
    Mutation(
        "a card's photo is any url",
        "edges",
        "services/contacts/domain/cards.py::google_card",
        Replace("_web_url(event.photo_url)", "event.photo_url"),
        (LINKS,),
    ),
    Mutation(
        "a card's links are any urls",
        "edges",
        "services/contacts/domain/cards.py::_web_url",
        Replace('text if is_web_link(text) else ""', "text"),
        (LINKS,),
    ),
    Mutation(
        "a video link is any url",
        "edges",
        "libs/common/resources/calendar.py::_video_url",
        Replace('url.startswith("https://") and url.isprintable()', "url"),
        (LINKS,),
    ),
    Mutation(
        "a user types any url",
        "edges",
        "services/contacts/domain/contact_edits.py::_link",
        Replace("not is_web_link(url)", "False"),
        (LINKS,),
    ),
    Mutation(
        "a brief links any place",
        "edges",
        "services/prep/domain/clean.py::safe_url",
        Replace('parts.scheme in ("http", "https")', "parts.scheme"),
        (LINKS,),
    ),
    Mutation(
        "a link in somebody's name is one in a talking point",
        "edges",
        "services/prep/domain/clean.py::unlinked",
        Replace("line(without_links(line(text, 4 * limit)), limit)", "line(text, limit)"),
        ("tests/unit/prep/test_prep_injection.py::test_points_from_the_facts_carry_no_link_of_others",),
    ),
    Mutation(
        "encoded words of a title are decoded at the other end",
        "edges",
        "services/prep/domain/mail.py::_encoded",
        Replace("_ENCODED_WORD not in text", "True"),
        (f"{HEADERS}::test_whoever_reads_the_subject_reads_the_title_as_it_is",),
    ),
    Mutation(
        "encoded words of an address are decoded into the head",
        "edges",
        "services/prep/domain/mail.py::compose",
        Replace("_ENCODED_WORD in address", "False"),
        (f"{HEADERS}::test_an_address_that_would_be_read_as_another_one_is_refused",),
    ),
    Mutation(
        "line ends in a subject",
        "edges",
        "services/prep/domain/mail.py::subject",
        Replace("line(title, MAX_SUBJECT_TITLE)", "title"),
        (f"{HEADERS}::test_each_piece_in_the_middle_of_a_title_stays_in_the_subject",),
    ),
    Mutation(
        "pages without escaping",
        "edges",
        "services/gateway/pages/render.py::Renderer.__init__",
        Replace(
            "Environment(..., autoescape=True)",
            'Environment(loader=FileSystemLoader(HERE / "templates"), trim_blocks=True, lstrip_blocks=True)',
        ),
        (f"{ESCAPING}::test_no_value_of_a_page_becomes_markup",),
    ),
    Mutation(
        "a title of a meeting that is markup",
        "edges",
        "services/gateway/pages/templates/meeting.html",
        InText(
            '<h1 dir="auto">{{ meeting.title or "Untitled meeting" }}',
            '<h1>{{ (meeting.title or "Untitled meeting")|safe }}',
        ),
        (f"{ESCAPING}::test_no_value_of_a_page_becomes_markup",),
    ),
    Mutation(
        "briefs without escaping",
        "edges",
        "services/prep/rendering.py::_environment",
        Replace("select_autoescape(...)", "False"),
        (f"{ESCAPING}::test_no_value_of_a_brief_becomes_markup",),
    ),
    Mutation(
        "a key of a request with line ends in a header of the bus",
        "edges",
        "libs/common/idempotency.py::checked_key",
        Replace("not _KEY.fullmatch(key)", "False"),
        (f"{HEADERS}::test_a_key_of_a_request_travels_in_a_header_only_where_it_is_plain",),
    ),
    Mutation(
        "responses without the headers that keep a browser safe",
        "edges",
        "services/gateway/app.py::build_app",
        Replace("response.headers.setdefault(name, value)", ""),
        (f"{RESPONSES}::test_every_response_has_the_headers_that_keep_a_browser_safe",),
    ),
    Mutation(
        "pages may run scripts of anybody",
        "edges",
        "services/gateway/app.py::SECURITY_HEADERS",
        InText("default-src 'self'", "default-src *"),
        (f"{RESPONSES}::test_every_response_has_the_headers_that_keep_a_browser_safe",),
    ),
    Mutation(
        "a photo of a card that runs a script",
        "edges",
        "services/contacts/domain/cards.py::google_card",
        Replace("_web_url(event.photo_url)", "cleaned(event.photo_url, MAX_URL)"),
        (f"{CONTACTS}_safe.py::test_no_link_of_a_card_but_one_to_a_web_page_survives_its_import",),
    ),
    Mutation(
        "a link of a card that runs a script",
        "edges",
        "services/contacts/domain/cards.py::google_card",
        Replace("_web_url(written)", "cleaned(written, MAX_URL)"),
        (f"{CONTACTS}_safe.py::test_no_link_of_a_card_but_one_to_a_web_page_survives_its_import",),
    ),
    Mutation(
        "a connector that writes under a contact's hash",
        "edges",
        "services/contacts/domain/identities.py::identity_kind",
        Replace("plain in _OTHER_KINDS", 'plain in ("", "email", "domain")'),
        (f"{CONTACTS}_safe.py::test_nobody_takes_a_hash_or_a_contact_from_outside",),
    ),
    Mutation(
        "a profile of another host that passes for one of a platform",
        "edges",
        "services/contacts/domain/identities.py::_linked_handle",
        Replace('authority.rpartition("@")[2]', 'authority.partition("@")[0]'),
        (f"{HANDLES}::test_what_is_no_handle_of_a_known_platform_is_kept_and_never_taken_for_one",),
    ),
    Mutation(
        "an identity of pages that is kept whole",
        "edges",
        "services/contacts/domain/identities.py::read_identity",
        Replace("cleaned(written, MAX_IDENTITY)", "cleaned(written, 10 * MAX_IDENTITY)"),
        (f"{HANDLES}::test_an_endless_identity_costs_no_more_than_its_beginning",),
    ),
    Mutation(
        "a phone of two people that identifies one of them",
        "edges",
        "services/contacts/store/addresses.py::update_owners_of_phones",
        InText("HAVING count(*) = 1", "HAVING count(*) >= 1"),
        (f"{CONTACTS}_safe.py::test_a_phone_identifies_only_whom_alone_it_belongs_to",),
    ),
    Mutation(
        "who asks why a message is not here waits for a Gmail that never replies",
        "edges",
        "services/sync/mail/why.py::_query_gmail",
        Replace("asyncio.timeout(GMAIL_SECONDS)", "asyncio.timeout(None)"),
        (f"{WHY_IN_TIME}::test_a_gmail_that_never_replies_is_not_waited_for",),
    ),
    Mutation(
        "who asks why a message is here waits for contacts as long as for anything",
        "edges",
        "services/sync/mail/why.py::_contacts",
        Replace("context.bus.request(query, seconds=CONTACTS_SECONDS)", "context.bus.request(query)"),
        (f"{WHY_IN_TIME}::test_whose_timelines_show_it_is_part_of_the_answer_where_contacts_replies_in_time",),
    ),
    Mutation(
        "who asks why a message is not here waits for prep as long as for anything",
        "edges",
        "services/sync/mail/why.py::_brief_tokens",
        Replace(
            "find_brief_tokens(context.bus, me, [token] if token else [], seconds=BRIEFS_SECONDS)",
            "find_brief_tokens(context.bus, me, [token] if token else [])",
        ),
        (f"{WHY_IN_TIME}::test_a_message_that_may_be_a_brief_is_left_to_the_sync_where_prep_does_not_reply_in_time",),
    ),
    Mutation(
        "a token of Google's that is waited for longer than its requester waits",
        "edges",
        "libs/common/google/oauth.py::GoogleOAuth._post",
        Replace(
            "self.http.post(url, data=form, timeout=TIMEOUT, allow_redirects=False)",
            "self.http.post(url, data=form, allow_redirects=False)",
        ),
        (
            "tests/unit/auth/test_oauth_edge.py::test_a_google_that_does_not_respond_is_an_outage_before_the_requester_gives_up",
        ),
    ),
    Mutation(
        "a Gmail that never confirms holds a brief beyond its lease",
        "edges",
        "services/prep/sending.py::_send",
        Replace("asyncio.timeout(SEND_TIMEOUT_SECONDS)", "asyncio.timeout(None)"),
        (
            "tests/unit/prep/test_prep_sending.py::test_a_gmail_that_never_replies_has_not_confirmed_before_the_lease_ends",
        ),
    ),
    Mutation(
        "a service that can only read is ready",
        "edges",
        "libs/common/service.py::running",
        Replace("partial(check_writable, resources.db)", 'lambda: resources.db.fetchval("SELECT 1")'),
        ("tests/integration/common/test_full_disk.py",),
    ),
    Mutation(
        "a dead letter gives orders to NATS in the name of who replays it",
        "edges",
        "libs/common/bus/letters.py::DeadLetter.require_declared",
        Replace("not (consumed or published)", "False"),
        (
            "tests/unit/common/test_dead_letter_headers.py::test_nothing_else_may_be_whichever_consumer_its_header_names",
            "tests/integration/local/test_local_dead_letters.py::test_no_letter_gives_orders_in_the_name_of_who_replays_it",
        ),
    ),
    Mutation(
        "a connection that was given up while it came about is left open",
        "edges",
        "libs/common/bus/client.py::connect",
        Replace("client.abandon()", ""),
        ("tests/unit/common/test_bus_client.py::test_a_connection_that_nobody_waits_for_any_more_is_closed",),
    ),
    Mutation(
        "a connection whose login had no answer is left open",
        "edges",
        "libs/common/bus/client.py::_Client._connect_to_server",
        Replace("self.abandon()", ""),
        (
            "tests/unit/common/test_bus_client.py::test_a_connection_whose_login_has_no_answer_is_closed_before_the_next_is_opened",
        ),
    ),
    Mutation(
        "a service that lives on without one of its loops",
        "edges",
        "libs/common/service.py::BackgroundTasks._note_end",
        Replace("self.failed.set()", ""),
        (
            "tests/integration/common/test_service_exit.py::test_a_service_whose_loop_fails_ends_in_order_to_be_started_again",
        ),
    ),
    Mutation(
        "a service that nobody starts again because it ends as if it had been stopped",
        "edges",
        "libs/common/service.py::_main",
        Replace("1 if resources.background.failed.is_set() else 0", "0"),
        (
            "tests/integration/common/test_service_exit.py::test_a_service_whose_loop_fails_ends_in_order_to_be_started_again",
        ),
    ),
    Mutation(
        "a dead letter whose number of attempts nobody can read hides all others",
        "edges",
        "libs/common/dead_letters.py::read_attempts",
        Replace("int(header) if is_number else None", "int(header or 1)"),
        ("tests/unit/common/test_dead_letter_headers.py",),
    ),
    Mutation(
        "a dead letter that moves the cursor of the terminal on which it is listed",
        "edges",
        "libs/common/dead_letters.py::readable",
        Replace('character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"', "character"),
        ("tests/unit/common/test_dead_letter_headers.py",),
    ),
    Mutation(
        "what doctor finds wrong is started",
        "edges",
        "libs/local/up.py::up",
        Replace("await _refuse(...)", ""),
        (f"{FAILURES}::test_up_refuses_at_once_what_doctor_finds_wrong",),
    ),
    Mutation(
        "a service that dies is explained by the run before",
        "edges",
        "libs/local/process.py::spawn",
        Replace("os.fstat(output).st_size", "0"),
        (f"{FAILURES}::test_the_last_lines_are_those_of_this_process_and_not_of_the_run_before",),
    ),
    Mutation(
        "a slip in a setting's name passes",
        "edges",
        "libs/local/doctor/names.py::check_names",
        Replace('"wrong"', '"note"'),
        ("tests/unit/local/test_every_setting.py",),
    ),
    Mutation(
        "a redirect is in the log as a client that left",
        "edges",
        "services/gateway/middlewares.py::observe",
        Replace("status = redirect.status", "pass"),
        (
            "tests/integration/gateway/test_gateway_api.py::test_a_request_is_one_line_in_the_log_without_query_string_and_address",
        ),
    ),
    Mutation(
        "a panel stands in the place of the frame's page, beside the middle",
        "edges",
        "services/gateway/pages/static/style.css",
        InText(".framed main { grid-area: main;", "main { grid-area: main; } .framed main {"),
        (
            "tests/browser/test_states_in_a_browser.py::test_an_assistant_is_allowed_by_a_click_and_the_browser_goes_back_to_it",
        ),
    ),
    Mutation(
        "a whole number that is written with a point is refused, which the document allows",
        "edges",
        "services/gateway/api/parsing.py::read_body",
        Replace("orjson.dumps(value) if make_whole(value) else raw", "raw"),
        (
            "tests/unit/gateway/test_gateway_parsing.py::test_a_whole_number_may_be_written_with_a_point_as_schemas_have_it",
        ),
    ),
)
