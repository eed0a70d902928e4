"""Nobody else's: whose a row is, looked at in every query."""

from tests.sabotage.mutation import InText, Mutation

_TESTS = "tests/integration/test_isolation.py"
REQUESTS = (f"{_TESTS}::test_no_request_of_another_user_shows_or_changes_anything",)
OPERATIONS = (f"{_TESTS}::test_no_operation_of_another_user_shows_or_changes_anything",)
ACCOUNTS = (f"{_TESTS}::test_an_id_that_two_accounts_of_a_user_have_is_two_things",)
ANYBODY_1, ANYBODY_2 = "$1::uuid IS NOT NULL", "$2::uuid IS NOT NULL"


def condition_lost(name: str, place: str, part: str, by: str, noticed_by: tuple[str, ...]) -> Mutation:
    """A condition of a statement that is lost. The parameter stays, for a statement must use all that it is given."""
    return Mutation(name, "others", place, InText(part, by), noticed_by)
