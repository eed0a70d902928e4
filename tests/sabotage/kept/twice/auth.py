"""Nothing twice, in users, accounts and their tokens (`auth`)."""

from tests.sabotage.mutation import InText, Mutation, Replace

AUTH_CHANGES = "tests/integration/auth/test_auth_changes.py"
AUTH_LINKING = "tests/integration/auth/test_auth_linking.py"
AUTH_CREDENTIALS = "tests/integration/auth/test_auth_credentials.py"
AUTH_REFRESHES = "tests/integration/auth/test_auth_refresh_races.py"

MUTATIONS: tuple[Mutation, ...] = (
    Mutation(
        "a late refresh overwrites a newer one",
        "twice",
        "services/auth/store/access_tokens.py::store_refreshed",
        InText("AND refresh_holder = $2", ""),
        (f"{AUTH_REFRESHES}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a late refusal of Google ends an account that was connected again",
        "twice",
        "services/auth/store/access_tokens.py::require_reauth",
        InText("AND refresh_holder = $2", ""),
        (f"{AUTH_REFRESHES}::test_who_lost_the_lease_writes_nothing",),
    ),
    Mutation(
        "a reconnection leaves the lease to the refresh of the old token",
        "twice",
        "services/auth/store/accounts.py::update_grant",
        InText(
            "refresh_token = coalesce($7, refresh_token), refresh_holder = NULL, refresh_until = NULL",
            "refresh_token = coalesce($7, refresh_token)",
        ),
        (f"{AUTH_REFRESHES}::test_a_late_answer_of_google_changes_nothing",),
    ),
    Mutation(
        "two replicas refresh one token",
        "twice",
        "services/auth/store/access_tokens.py::acquire_lease",
        InText("AND (refresh_until IS NULL OR refresh_until <= now())", ""),
        (f"{AUTH_REFRESHES}::test_a_lease_is_given_to_a_single_holder_who_saw_the_token_that_is_stored",),
    ),
    Mutation(
        "a state signs in twice",
        "twice",
        "services/auth/authorization.py::take_pending",
        Replace("await context.cache.pop(key)", "await context.cache.get(key)"),
        ("tests/integration/auth/test_auth_sign_in.py::test_a_state_is_good_once",),
    ),
    Mutation(
        "older settings over newer",
        "twice",
        "services/auth/handlers/preferences.py::put_settings",
        Replace("await users.lock_user(connection, command.user_id)", ""),
        (f"{AUTH_CREDENTIALS}::test_of_two_changes_of_the_same_settings_at_once_the_later_is_refused",),
    ),
    Mutation(
        "a person who comes twice at once becomes two",
        "twice",
        "services/auth/account_linking.py::link_account",
        Replace("await users.lock_sub(connection, profile.sub)", ""),
        (f"{AUTH_LINKING}::test_the_same_person_who_comes_many_times_at_once_is_one_user",),
    ),
    Mutation(
        "a rotation puts an old refresh token back",
        "twice",
        "services/auth/store/access_tokens.py::replace_sealed_token",
        InText("AND refresh_token = $2", "AND $2::bytea IS NOT NULL"),
        (f"{AUTH_CHANGES}::test_a_token_that_changed_meanwhile_is_neither_replaced_nor_given_up",),
    ),
    Mutation(
        "two who disconnect an account at once publish it twice",
        "twice",
        "services/auth/store/accounts.py::get_account_for_update",
        InText("FOR UPDATE", ""),
        (f"{AUTH_CHANGES}::test_of_two_who_disconnect_an_account_at_once_one_publishes_it",),
    ),
    Mutation(
        "the last API token that fits is refused when it is tried again",
        "twice",
        "services/auth/token_creation.py::create_token",
        Replace("t.id != token_id", "True"),
        ("tests/integration/auth/test_auth_credentials.py::test_a_user_has_so_many_api_tokens_and_no_more",),
    ),
)
