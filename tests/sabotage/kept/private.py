"""Nothing private, nothing silent: logs, errors, metrics, dead letters, traces."""

from tests.sabotage.mutation import Mutation, Replace

AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
PREP_ATTEMPTS = "tests/integration/prep/test_prep_attempts.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "sessions are stored as they are",
        "private",
        "services/auth/handlers/sign_in.py::_connect",
        Replace("fingerprint(secret)", "secret.encode()"),
        ("tests/integration/auth/test_auth_sign_in.py::test_no_secret_is_stored_in_clear",),
    ),
    Mutation(
        "a sign-in under way lies open in Redis",
        "private",
        "services/auth/authorization.py::begin_authorization",
        Replace('context.keyring.seal(pending.model_dump_json(), key, "sign_in")', "pending.model_dump_json()"),
        ("tests/integration/auth/test_auth_pending_sign_ins.py::test_redis_learns_nothing_of_a_sign_in_under_way",),
    ),
    Mutation(
        "who signed in is logged by address",
        "private",
        "services/auth/handlers/sign_in.py::finish_sign_in",
        Replace(
            'get_logger().info("signed_in", ...)',
            'get_logger().info("signed_in", user=account.user_id, address=profile.address)',
        ),
        (f"{AUTH_CREDENTIALS}::test_nothing_private_is_logged",),
    ),
    Mutation(
        "a bug's text is a sentence for the user",
        "private",
        "services/prep/briefing.py::_error_sentence",
        Replace("isinstance(error, Outage)", "isinstance(error, Exception)"),
        (f"{PREP_ATTEMPTS}::test_a_bug_frees_the_brief_and_is_no_sentence_for_the_user",),
    ),
)
