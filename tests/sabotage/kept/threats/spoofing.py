"""To be somebody else."""

from tests.sabotage.mutation import InText, Mutation, Replace

SIGN_IN = "tests/integration/auth/test_auth_sign_in.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "the way back from Google can be gone twice",
        "edges",
        "services/auth/authorization.py::take_pending",
        Replace("context.cache.pop(key)", "context.cache.get(key)"),
        ("tests/integration/gateway/test_gateway_with_auth.py::test_a_state_is_good_for_one_browser_and_one_time",),
    ),
    Mutation(
        "an ID token of another application signs in",
        "edges",
        "libs/common/google/id_token.py::_signed",
        Replace("claims.aud != audience", "False"),
        ("tests/unit/auth/test_id_token.py::test_a_wrong_or_missing_claim_is_refused",),
    ),
    Mutation(
        "an ID token of another sign-in signs in",
        "edges",
        "libs/common/google/id_token.py::verify",
        Replace("not nonce or claims.nonce != nonce", "False"),
        ("tests/unit/auth/test_id_token.py::test_a_wrong_or_missing_claim_is_refused",),
    ),
    Mutation(
        "an account that another user has connected is taken over",
        "others",
        "services/auth/account_linking.py::_get_account_to_add",
        Replace("owner is not None and owner.connected and owner.user_id != user_id", "False"),
        (f"{SIGN_IN}::test_an_account_that_another_user_holds_is_refused_and_stays_his",),
    ),
    Mutation(
        "a connection that somebody else began is finished in one's own browser",
        "others",
        "services/auth/handlers/sign_in.py::finish_sign_in",
        Replace("await _require_session_of(context, pending, command.session)", ""),
        (
            "tests/integration/auth/test_auth_pending_sign_ins.py::test_an_account_is_added_by_the_session_that_began_it_alone",
        ),
    ),
    Mutation(
        "everybody becomes a user of an installation that has its owner",
        "edges",
        "services/auth/domain/sign_up.py::SignUpPolicy.admits",
        Replace("installation_is_new or self.is_listed(profile, self.operators)", "True"),
        ("tests/integration/auth/test_auth_sign_up.py::test_whoever_signs_in_first_owns_it_and_nobody_else_gets_in",),
    ),
    Mutation(
        "another host of the domain plants a session",
        "edges",
        "services/gateway/domain/sessions.py::cookie_name",
        Replace("is_https(base_url)", "False"),
        (
            "tests/unit/gateway/test_gateway_sessions.py"
            "::test_cookies_have_the_prefix_that_nobody_else_can_plant_where_people_come_over_https",
        ),
    ),
    Mutation(
        "another site acts through a signed-in browser",
        "edges",
        "services/gateway/domain/sessions.py::require_own_origin",
        Replace('own is None or origin(headers.get("Origin", "")) != own', "False"),
        ("tests/integration/gateway/test_gateway_api.py::test_a_cookie_of_another_site_changes_nothing",),
    ),
    Mutation(
        "whoever writes a verdict on DMARC into a mail is believed",
        "edges",
        "services/sync/domain/authentication.py::dmarc_verdict",
        Replace("not _is_gmails(cut if plain is None else plain)", "False"),
        ("tests/unit/sync/test_authentication.py::test_only_gmails_own_verdict_on_dmarc_counts",),
    ),
    Mutation(
        "a stranger who knows a BCC address logs to its timeline",
        "edges",
        "services/contacts/views/timeline_lines.sql",
        InText(
            "p.role <> 'bcc_log' OR (coalesce(author.is_me, false) AND NOT i.unauthenticated)",
            "p.role <> 'bcc_log' OR NOT i.unauthenticated",
        ),
        (
            "tests/integration/contacts/test_contacts_bcc.py"
            "::test_a_stranger_with_a_known_hash_is_asked_about_once_and_logs_nothing",
        ),
    ),
    Mutation(
        "every service account of Google's can tell of new mail",
        "edges",
        "libs/common/google/id_token.py::verify_service",
        Replace("signer.email.casefold() != email.casefold()", "False"),
        (
            "tests/integration/gateway/test_gateway_google_push.py"
            "::test_only_google_s_token_for_the_configured_service_account_lets_in",
        ),
    ),
    Mutation(
        "the signature of a webhook is good for any id and time",
        "edges",
        "services/gateway/domain/webhook_delivery.py::signed_headers",
        Replace('f"{message.id}.{timestamp}.".encode() + message.body', "message.body"),
        (
            "tests/integration/gateway/test_gateway_webhook_delivery.py"
            "::test_a_notification_is_posted_with_a_signature_that_the_shown_secret_verifies",
        ),
    ),
    Mutation(
        "a server that offers no encryption gets the login of NATS all the same",
        "private",
        "libs/common/bus/client.py::_Client._connect_command",
        Replace("not self._is_encrypted()", "False"),
        (
            "tests/integration/common/test_tls.py"
            "::test_no_password_goes_to_a_server_that_does_not_encrypt_where_the_url_asks_for_it",
        ),
    ),
    Mutation(
        "any certificate of our CA passes for the one of NATS",
        "private",
        "libs/common/tls.py::context_of",
        Replace("context.minimum_version = ssl.TLSVersion.TLSv1_2", "context.check_hostname = False"),
        (
            "tests/integration/common/test_tls.py"
            "::test_a_server_is_reached_by_its_own_name_under_our_ca_with_our_certificate_and_not_otherwise[nats]",
        ),
    ),
)
