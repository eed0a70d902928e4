"""To be somebody else: sessions and ways in, beside what stands in spoofing.py."""

from tests.sabotage.mutation import InText, Mutation, Replace

SIGN_IN = "tests/integration/auth/test_auth_sign_in.py"
SIGN_UP = "tests/integration/auth/test_auth_sign_up.py"
ID_TOKENS = "tests/unit/auth/test_id_token.py"
FORGED = "tests/integration/contacts/test_contacts_forged.py"
COOKIES = "tests/unit/gateway/test_gateway_callers_whole.py::test_cookies_are_set_whole"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a way back from Google is good in every browser",
        "edges",
        "services/auth/credentials.py::state_key",
        Replace('f"{browser}\\0{state}".encode()', "state.encode()"),
        ("tests/unit/auth/test_auth_domain.py::test_a_state_is_found_by_its_own_browser_only",),
    ),
    Mutation(
        "a code of Google's is exchanged without the verifier of its sign-in",
        "edges",
        "libs/common/google/oauth.py::GoogleOAuth.exchange",
        Replace("verifier", '""'),
        ("tests/unit/auth/test_oauth_edge.py::test_an_exchange_sends_the_verifier_and_reads_the_grant",),
    ),
    Mutation(
        "an ID token that nobody has signed signs in",
        "edges",
        "libs/common/google/id_token.py::_signed",
        Replace(
            "jwt.decode(token, keys, algorithms=ALGORITHMS)",
            'jwt.Token({}, __import__("json").loads(__import__("base64").urlsafe_b64decode(token.split(".")[1] + "===")))',
        ),
        (f"{ID_TOKENS}::test_a_signature_by_another_key_under_a_known_name_is_refused",),
    ),
    Mutation(
        "an ID token that has expired signs in",
        "edges",
        "libs/common/google/id_token.py::_signed",
        Replace("claims.exp + leeway <= instant", "False"),
        (f"{ID_TOKENS}::test_a_wrong_or_missing_claim_is_refused",),
    ),
    Mutation(
        "whoever has the address of a user is that user",
        "edges",
        "services/auth/authorization.py::exchange_code",
        Replace("identity.sub", "identity.address"),
        (f"{SIGN_IN}::test_an_address_that_changes_keeps_its_user",),
    ),
    Mutation(
        "an address that somebody merely claims is on the list of who may come",
        "edges",
        "services/auth/domain/sign_up.py::SignUpPolicy.is_listed",
        Replace("profile.address_verified", "True"),
        ("tests/unit/auth/test_sign_up.py::test_an_address_that_google_does_not_vouch_for_opens_no_list",),
    ),
    Mutation(
        "who is turned away has given us their mail all the same",
        "private",
        "services/auth/handlers/sign_in.py::finish_sign_in",
        Replace("await revoke_unused(context, grant)", "True"),
        (f"{SIGN_UP}::test_nothing_stays_of_a_person_who_was_turned_away",),
    ),
    Mutation(
        "a script in a page reads the session",
        "private",
        "services/gateway/sessions/cookies.py::_set_cookie",
        Replace("True", "False"),
        (COOKIES,),
    ),
    Mutation(
        "forms of other sites send the session along",
        "edges",
        "services/gateway/sessions/cookies.py::_set_cookie",
        Replace('"Lax"', '"None"'),
        (COOKIES,),
    ),
    Mutation(
        "the session goes over the network without encryption",
        "private",
        "services/gateway/sessions/cookies.py::_set_cookie",
        Replace("is_https(settings.base_url)", "False"),
        (COOKIES,),
    ),
    Mutation(
        "browsers are not held to https",
        "private",
        "services/gateway/app.py::response_headers",
        Replace("is_https(settings.base_url)", "False"),
        (
            "tests/integration/gateway/test_gateway_sign_in.py"
            "::test_browsers_are_held_to_https_where_people_come_over_it",
        ),
    ),
    Mutation(
        "a session that is over opens everything again",
        "edges",
        "services/auth/store/sessions.py::get_user_of_session",
        InText("s.hash = $1 AND s.expires_at > now()", "s.hash = $1"),
        (
            "tests/integration/auth/test_auth_credentials.py"
            "::test_a_session_in_use_is_prolonged_once_a_day_and_one_that_is_over_never",
        ),
    ),
    Mutation(
        "who signs out everywhere stays signed in",
        "edges",
        "services/auth/handlers/sessions.py::sign_out_everywhere",
        Replace("await sessions.delete_sessions(connection, command.user_id)", "0"),
        (f"{SIGN_UP}::test_signing_out_everywhere_ends_every_session_of_the_user_and_of_nobody_else",),
    ),
    Mutation(
        "mail that was forged in my name is mail of mine",
        "edges",
        "services/contacts/views/timeline_lines.sql",
        InText(
            "WHEN coalesce(author.is_me, false) AND NOT i.unauthenticated THEN 'outbound'",
            "WHEN coalesce(author.is_me, false) THEN 'outbound'",
        ),
        (f"{FORGED}::test_forged_mail_is_marked_on_the_timeline_and_no_mail_of_mine",),
    ),
    Mutation(
        "a brief has mail that was forged in my name",
        "edges",
        "services/contacts/views/timeline_lines.sql",
        InText(
            "CASE WHEN i.unauthenticated AND coalesce(author.is_me, false) THEN 'forged' ELSE i.automated END AS automated",
            "i.automated",
        ),
        (f"{FORGED}::test_forged_mail_counts_nowhere_and_is_in_no_brief",),
    ),
    Mutation(
        "mail that was forged in my name makes its readers contacts of mine",
        "edges",
        "services/contacts/views/contact_reasons.sql",
        InText("(i.bcc_logged OR i.unauthenticated)", "(i.bcc_logged)"),
        (f"{FORGED}::test_forged_mail_is_kept_and_makes_nobody_a_contact",),
    ),
    Mutation(
        "mail that was forged in my name takes the place of what counts in a brief",
        "edges",
        "services/contacts/store/attendees.py::list_past_lines",
        InText(
            "counts_towards_relationship(i.automated, i.answered) AND NOT (i.unauthenticated AND coalesce(author.is_me, false)) AS counted",
            "counts_towards_relationship(i.automated, i.answered) AS counted",
        ),
        (f"{FORGED}::test_forged_mail_counts_nowhere_and_is_in_no_brief",),
    ),
    Mutation(
        "a stranger with a BCC address is asked about again and again",
        "edges",
        "services/contacts/store/bcc_offers.py::list_pending_offers",
        InText("WHERE o.told_at IS NULL AND o.at <= $1", "WHERE o.at <= $1"),
        (
            "tests/integration/contacts/test_contacts_bcc.py"
            "::test_a_stranger_with_a_known_hash_is_asked_about_once_and_logs_nothing",
        ),
    ),
    Mutation(
        "a BCC address that was rotated away logs on",
        "edges",
        "services/contacts/projector.py::_list_logged",
        Replace("stored.retired_at is None or interaction.item.occurred_at < stored.retired_at", "True"),
        (
            "tests/integration/contacts/test_contacts_bcc.py"
            "::test_a_rotated_hash_logs_and_asks_about_no_later_mail_and_keeps_the_earlier",
        ),
    ),
    Mutation(
        "whoever finds the hook reports new mail",
        "edges",
        "services/gateway/api/google_push.py::receive_gmail_push",
        Replace("await _verify_sender(context, request, now)", ""),
        (
            "tests/integration/gateway/test_gateway_google_push.py"
            "::test_only_google_s_token_for_the_configured_service_account_lets_in",
        ),
    ),
    Mutation(
        "who poses as Google's push leaves no line in the log",
        "read",
        "services/gateway/api/google_push.py::_verify_sender",
        Replace('get_logger().warning("push_refused", reason=str(error))', ""),
        (
            "tests/integration/gateway/test_gateway_google_push.py"
            "::test_only_google_s_token_for_the_configured_service_account_lets_in",
        ),
    ),
    Mutation(
        "a sign-in without proof leaves no line in the log",
        "read",
        "services/auth/authorization.py::exchange_code",
        Replace('get_logger().warning("id_token_refused", reason=str(error))', ""),
        ("tests/integration/auth/test_auth_linking.py::test_a_way_back_without_proof_of_who_it_is_signs_nobody_in",),
    ),
    Mutation(
        "a channel of Google's is known by its number alone",
        "edges",
        "services/sync/store/channels.py::get_account_id",
        InText("channel_id = $1 AND token_hash = $2", "channel_id = $1 AND $2::bytea IS NOT NULL"),
        (
            "tests/integration/sync/test_sync_calendar_push.py"
            "::test_what_changes_in_a_calendar_is_read_at_once_without_a_schedule",
        ),
    ),
    Mutation(
        "every server under any certificate is taken for ours",
        "private",
        "libs/common/tls.py::context_of",
        Replace("ssl.create_default_context(cafile=files.ca)", "ssl._create_unverified_context(cafile=files.ca)"),
        ("tests/unit/common/test_tls_urls.py::test_a_context_verifies_the_name_and_trusts_the_ca_alone",),
    ),
    Mutation(
        "the webhooks of all users are signed with one secret",
        "others",
        "services/gateway/domain/webhook_delivery.py::webhook_secret",
        Replace("user_id.bytes", 'b""'),
        (
            "tests/unit/gateway/test_gateway_webhook_signature.py"
            "::test_webhook_secrets_differ_by_user_and_key_and_reveal_nothing_of_the_key",
        ),
    ),
    Mutation(
        "every service can sign webhooks",
        "others",
        "libs/common/config/__init__.py::Settings.webhook_keys",
        Replace('["gateway"]', "SERVICES"),
        ("tests/unit/local/test_service_environment.py::test_a_variable_reaches_exactly_those_who_need_it",),
    ),
)
