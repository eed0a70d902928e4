"""What assistants get by OAuth, and what their users are shown, beside what stands in consent.py."""

from tests.sabotage.mutation import Mutation, Replace

CONSENT = "tests/integration/gateway/test_gateway_assistant_consent.py"
OFFICIAL = f"{CONSENT}::test_the_official_client_gets_a_token_that_stands_on_the_settings_page_until_it_is_revoked"
WHOM_REFUSED = f"{CONSENT}::test_whom_a_user_has_refused_gets_their_browser_by_a_click_alone"
FLOOD = f"{CONSENT}::test_what_waits_is_bounded_and_no_flood_keeps_a_user_from_connecting"
CLIENTS = "tests/unit/gateway/test_assistant_clients.py"
FITS = f"{CLIENTS}::test_a_code_is_for_the_client_that_asked_and_holds_the_verifier"
TOOLS = "tests/unit/gateway/test_assistant_tools.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "another client exchanges the code of an assistant",
        "edges",
        "services/gateway/domain/assistant_clients.py::require_fit",
        Replace('hmac.compare_digest(grant.client, fingerprint(form.get("client_id", "")))', "True"),
        (FITS,),
    ),
    Mutation(
        "a code is exchanged for where it was not sent to",
        "edges",
        "services/gateway/domain/assistant_clients.py::require_fit",
        Replace('form.get("redirect_uri", grant.redirect_uri) != grant.redirect_uri', "False"),
        (FITS,),
    ),
    Mutation(
        "a code is exchanged with any verifier",
        "edges",
        "services/gateway/domain/assistant_clients.py::require_fit",
        Replace("hmac.compare_digest(_challenge_of(verifier), grant.code_challenge)", "True"),
        (FITS,),
    ),
    Mutation(
        "a code of an assistant is good for half an hour",
        "edges",
        "services/gateway/assistants/authorization.py::code_for",
        Replace("CODE_LIFE", "REQUEST_LIFE"),
        (f"{CONSENT}::test_a_code_is_exchanged_once_by_whom_it_was_given_to_for_what_was_allowed",),
    ),
    Mutation(
        "what waits for an answer is good under any key",
        "others",
        "services/gateway/domain/signed_values.py::_signature",
        Replace('purpose.encode() + b"\\0" + content', "content"),
        (f"{CLIENTS}::test_what_is_kept_is_worth_something_where_it_was_put_and_under_our_keys_alone",),
    ),
    Mutation(
        "an answer goes over the network without encryption",
        "private",
        "services/gateway/domain/redirect_uris.py::may_be_sent_to",
        Replace('parts.scheme == "https" or parts.hostname in LOOPBACK', "True"),
        (f"{CLIENTS}::test_an_answer_goes_over_https_or_to_the_user_s_own_machine",),
    ),
    Mutation(
        "the page does not show the host that an answer goes to",
        "edges",
        "services/gateway/pages/assistants.py::show_consent",
        Replace("wanted.host", '""'),
        (WHOM_REFUSED,),
    ),
    Mutation(
        "the page does not show the whole of where an answer goes",
        "edges",
        "services/gateway/pages/assistants.py::show_consent",
        Replace("wanted.redirect_uri", '""'),
        (WHOM_REFUSED,),
    ),
    Mutation(
        "an assistant's name has letters that nobody sees",
        "edges",
        "services/gateway/domain/assistant_clients.py::readable_name",
        Replace("visible(text[: 4 * MAX_NAME])", "text[: 4 * MAX_NAME]"),
        (f"{CLIENTS}::test_a_client_is_called_what_it_calls_itself_as_far_as_that_can_be_read",),
    ),
    Mutation(
        "a token is called what its assistant calls itself",
        "edges",
        "services/gateway/pages/assistants.py::_grant",
        Replace("token_name(wanted.name, wanted.host)", "wanted.name"),
        (OFFICIAL,),
    ),
    Mutation(
        "an assistant may ask for the account",
        "edges",
        "services/gateway/domain/assistant_clients.py::GRANTABLE",
        Replace('tuple(scope for scope in TOKEN_SCOPES if scope != "account")', "tuple(TOKEN_SCOPES)"),
        (f"{CLIENTS}::test_a_request_is_what_its_client_registered_for",),
    ),
    Mutation(
        "the token of an assistant is good for ten years",
        "edges",
        "services/gateway/domain/assistant_clients.py::TOKEN_DAYS",
        Replace("90", "3650"),
        (OFFICIAL,),
    ),
    Mutation(
        "a token that was revoked goes on",
        "edges",
        "services/gateway/pages/programs.py::revoke_token",
        Replace('await delete_token.handler(visit.call, visit.path_id("token_id"))', ""),
        (OFFICIAL,),
    ),
    Mutation(
        "what assistants make wait is kept for a day",
        "edges",
        "services/gateway/assistants/authorization.py::authorize",
        Replace("REQUEST_LIFE", "48 * REQUEST_LIFE"),
        (FLOOD,),
    ),
    Mutation(
        "what assistants make wait is as large as they like",
        "edges",
        "services/gateway/domain/assistant_clients.py::authorization_request",
        Replace('fingerprint(query["client_id"])', 'query["client_id"]'),
        (FLOOD,),
    ),
    Mutation(
        "a flood of strangers keeps users from connecting an assistant",
        "edges",
        "services/gateway/limits/authorizations.py::count_authorization",
        Replace("str(caller.user.id)", '"strangers"'),
        (FLOOD,),
    ),
    Mutation(
        "strangers make as many assistants wait as they like",
        "edges",
        "services/gateway/limits/authorizations.py::count_authorization",
        Replace("STRANGERS_PER_MINUTE", "10**9"),
        (FLOOD,),
    ),
    Mutation(
        "letters that nobody sees reach the model of an assistant",
        "edges",
        "services/gateway/domain/quoted.py::quote",
        Replace("visible(text[: 4 * most])", "text[: 4 * most]"),
        (f"{TOOLS}::test_what_no_eye_sees_does_not_reach_a_model",),
    ),
    Mutation(
        "a quotation is as long as its author likes",
        "edges",
        "services/gateway/domain/quoted.py::quote",
        Replace("length > most", "False"),
        (f"{TOOLS}::test_a_quotation_is_as_long_as_it_may_be_rendered_and_shows_that_it_was_cut",),
    ),
)
