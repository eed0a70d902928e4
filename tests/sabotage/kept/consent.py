"""What an assistant gets without its user's consent, or beyond it."""

from tests.sabotage.mutation import InText, Mutation, Replace

CONSENT = "tests/integration/gateway/test_gateway_assistant_consent.py"
CLIENTS = "tests/unit/gateway/test_assistant_clients.py"
BROWSER = "tests/browser/test_states_in_a_browser.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "what assistants make wait is not counted",
        "edges",
        "services/gateway/assistants/authorization.py::authorize",
        Replace("await count_authorization(context, request)", ""),
        (f"{CONSENT}::test_what_waits_is_bounded_and_no_flood_keeps_a_user_from_connecting",),
    ),
    Mutation(
        "who writes into Redis grants an assistant what they like",
        "edges",
        "services/gateway/assistants/authorization.py::_kept",
        Replace(
            'verified(found.decode("ascii", "replace"), key, context.settings.webhook_keys)',
            'verified(found.decode("ascii", "replace"), "", context.settings.webhook_keys) or __import__("base64").urlsafe_b64decode('
            'found.partition(b".")[0] + b"==")',
        ),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "an assistant gets a permission that was not ticked",
        "edges",
        "services/gateway/pages/assistants.py::answer",
        Replace("scope in ticked", "True"),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "a form permits an assistant what it has not asked for",
        "edges",
        "services/gateway/pages/assistants.py::answer",
        Replace(
            "tuple(scope for scope in wanted.scopes if scope in ticked)",
            "tuple(scope for scope in GRANTABLE if scope in ticked)",
        ),
        (f"{CONSENT}::test_a_token_is_of_whoever_answered_and_does_no_more_than_was_asked_for",),
    ),
    Mutation(
        "an assistant's token does more than was permitted",
        "edges",
        "services/gateway/assistants/authorization.py::_token_of",
        Replace("frozenset(grant.scopes)", 'frozenset({"read", "write", "account"})'),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "a code for an assistant is good for whoever has seen it",
        "edges",
        "services/gateway/assistants/authorization.py::exchange",
        Replace("require_fit(grant, form)", ""),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "the token of a code that comes again goes on",
        "edges",
        "services/gateway/assistants/authorization.py::exchange",
        Replace("await _end_token(context, grant.user_id, grant.token_id)", "pass"),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "an assistant may do without PKCE",
        "edges",
        "services/gateway/domain/assistant_clients.py::_wrong",
        Replace("query.get('code_challenge_method') != 'S256'", "False"),
        (f"{CLIENTS}::test_a_request_that_is_wrong_sends_the_browser_nowhere",),
    ),
    Mutation(
        "an answer goes to where no assistant has registered",
        "edges",
        "services/gateway/domain/assistant_clients.py::authorization_request",
        Replace("not any(leads_to(redirect_uri, known) for known in client.redirect_uris)", "False"),
        (f"{CLIENTS}::test_a_request_is_what_its_client_registered_for",),
    ),
    Mutation(
        "an assistant makes its registration up",
        "edges",
        "services/gateway/domain/signed_values.py::verified",
        Replace("hmac.compare_digest(text, signed(content, purpose, key))", "True"),
        (f"{CLIENTS}::test_a_client_is_known_by_its_id_alone_under_every_key_and_no_other_client_can_have_it",),
    ),
    Mutation(
        "a site that leads on lends its name to whoever wants the answer",
        "edges",
        "services/gateway/domain/redirect_uris.py::may_be_sent_to",
        Replace('_ANOTHER.search(uri.partition("://")[2])', "False"),
        (f"{CLIENTS}::test_an_answer_goes_over_https_or_to_the_user_s_own_machine",),
    ),
    Mutation(
        "the second click of a double click allows an assistant",
        "edges",
        "services/gateway/pages/static/style.css",
        InText("animation: withheld-under-a-pointer 0.7s !important;", ""),
        (f"{BROWSER}::test_an_assistant_is_allowed_by_a_click_and_the_browser_goes_back_to_it",),
    ),
    Mutation(
        "a browser is led to whom its user has refused",
        "edges",
        "services/gateway/pages/assistants.py::_back",
        Replace("allowed or wanted.is_local", "True"),
        (f"{CONSENT}::test_whom_a_user_has_refused_gets_their_browser_by_a_click_alone",),
    ),
)
