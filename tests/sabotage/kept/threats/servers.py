"""One service that is broken into, one user's rows among all, and secrets where they lie."""

from tests.sabotage.mutation import InText, Mutation, Replace

ROLES = "tests/integration/common/test_database_roles.py"
ENVIRONMENT = "tests/unit/local/test_service_environment.py"
CATALOGUE = "tests/unit/common/test_log_catalogue.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a service writes into the schema of another",
        "others",
        "deploy/roles.sql",
        InText("REVOKE ALL ON SCHEMA %I FROM PUBLIC', service", "GRANT ALL ON SCHEMA %I TO PUBLIC', service"),
        (f"{ROLES}::test_a_schema_is_closed_to_the_roles_of_the_others",),
    ),
    Mutation(
        "a service makes schemas of its own",
        "others",
        "deploy/roles.sql",
        InText("REVOKE ALL ON DATABASE %I FROM PUBLIC'", "GRANT ALL ON DATABASE %I TO PUBLIC'"),
        (f"{ROLES}::test_a_role_can_do_nothing_outside_its_schema",),
    ),
    Mutation(
        "what is done for one user reaches the rows of all",
        "others",
        "libs/common/db.py::_enter",
        Replace("_on_behalf_of.get()", "None"),
        ("tests/integration/common/test_row_security.py::test_a_connection_works_for_whoever_acquires_it",),
    ),
    Mutation(
        "a table with users is open to whoever works for one of them",
        "others",
        "libs/local/row_security.py::condition_of",
        Replace('f"user_id = {USER}"', '"true"'),
        (
            "tests/integration/common/test_row_security.py"
            "::test_a_new_table_with_a_user_is_secured_and_one_without_is_closed",
        ),
    ),
    Mutation(
        "the token of one account opens in another",
        "private",
        "services/auth/keyring.py::_context",
        Replace('f"{use}:{owner}".encode()', "use.encode()"),
        ("tests/unit/auth/test_keyring.py::test_a_sealed_token_opens_neither_for_another_account_nor_for_another_use",),
    ),
    Mutation(
        "an access token passes for a refresh token",
        "private",
        "services/auth/keyring.py::_context",
        Replace('f"{use}:{owner}".encode()', "str(owner).encode()"),
        ("tests/unit/auth/test_keyring.py::test_a_sealed_token_opens_neither_for_another_account_nor_for_another_use",),
    ),
    Mutation(
        "tokens of Google's lie in the database as they are",
        "private",
        "services/auth/account_linking.py::store_grant",
        Replace('seal(grant.refresh_token, account.id, "refresh")', "grant.refresh_token.encode()"),
        ("tests/integration/auth/test_auth_sign_in.py::test_no_secret_is_stored_in_clear",),
    ),
    Mutation(
        "every service has the keys of the tokens",
        "private",
        "libs/common/config/__init__.py::Settings.secret_keys",
        Replace('["auth"]', "SERVICES"),
        (f"{ENVIRONMENT}::test_a_variable_reaches_exactly_those_who_need_it",),
    ),
    Mutation(
        "a service has the login of NATS' administrator",
        "others",
        "libs/local/environment.py::service_environment",
        Replace("nats_url(servers.nats, service, secrets)", "servers.nats"),
        (f"{ENVIRONMENT}::test_it_has_nobody_elses_password_and_no_administrators",),
    ),
    Mutation(
        "doctor passes over secrets that others can read",
        "private",
        "libs/local/doctor/folder.py::check_data_dir",
        Replace("secrets.exists() and secrets.stat().st_mode & 0o077", "False"),
        ("tests/unit/local/test_doctor.py::test_secrets_that_others_can_read_are_reported",),
    ),
    Mutation(
        "a traceback quotes the row that it is about",
        "private",
        "libs/common/log.py::_without_rows",
        Replace('line.startswith(("DETAIL:", "CONTEXT:"))', "False"),
        ("tests/unit/common/test_log_privacy.py::test_a_traceback_names_no_value",),
    ),
    Mutation(
        "the log of PostgreSQL quotes rows",
        "private",
        "libs/local/servers/postgres.py::OPTIONS",
        Replace('"terse"', '"default"'),
        ("tests/unit/local/test_compose_file.py::test_no_postgres_of_ours_quotes_rows_in_its_log",),
    ),
    Mutation(
        "a line of the log has what a user typed",
        "private",
        "services/auth/token_creation.py::create_token",
        Replace(
            "get_logger().info(...)",
            'get_logger().info("api_token_created", user=command.user_id, token=created.id, scopes=[], name=created.name)',
        ),
        (f"{CATALOGUE}::test_no_line_has_a_field_that_is_private",),
    ),
    Mutation(
        "a line of the log that nobody can look up",
        "read",
        "services/auth/handlers/sessions.py::sign_out_everywhere",
        Replace('"signed_out_everywhere"', '"left_everywhere"'),
        (f"{CATALOGUE}::test_every_line_that_the_code_logs_is_in_the_catalogue",),
    ),
)
