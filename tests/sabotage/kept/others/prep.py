"""Nobody else's, in briefs (`prep`)."""

from tests.sabotage.kept.others import ACCOUNTS, ANYBODY_1, ANYBODY_2, REQUESTS, condition_lost
from tests.sabotage.mutation import InText, Mutation, Replace

PREP_ROWS = "tests/integration/prep/test_prep_rows.py"
PREP_GATHERING = "tests/unit/prep/test_prep_gathering.py"

MUTATIONS: tuple[Mutation, ...] = (
    condition_lost(
        "what became of anybody's brief",
        "services/prep/store/preps.py::list_latest",
        "user_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    condition_lost(
        "a brief of another account passes for one of this",
        "services/prep/store/preps.py::list_tokens",
        "account_id = $2",
        ANYBODY_2,
        ACCOUNTS,
    ),
    condition_lost(
        "a purged account takes everybody's briefs along",
        "services/prep/store/preps.py::delete_of_account",
        "account_id = $1",
        ANYBODY_1,
        REQUESTS,
    ),
    Mutation(
        "the state of a brief is shown to whoever knows the meeting",
        "others",
        "services/prep/store/preps.py::list_latest",
        InText("WHERE user_id = $1 AND", "WHERE $1::uuid IS NOT NULL AND"),
        (f"{PREP_ROWS}::test_the_latest_brief_of_each_meeting_is_the_one_written_last",),
    ),
    Mutation(
        "another user's brief is gone on with under their id",
        "others",
        "services/prep/store/preps.py::acquire_by_hand",
        InText(
            "(preps.user_id, preps.meeting_id) = (excluded.user_id, excluded.meeting_id)",
            "preps.meeting_id = excluded.meeting_id",
        ),
        (f"{PREP_ROWS}::test_a_brief_by_hand_is_taken_up_by_its_user_for_its_meeting_alone",),
    ),
    Mutation(
        "a brief of somebody else's meeting",
        "others",
        "services/prep/gathering.py::gather",
        Replace("meeting is None or owner is None or meeting.user_id != user_id", "meeting is None or owner is None"),
        (f"{PREP_GATHERING}::test_a_brief_is_gathered_for_a_users_own_meeting_alone",),
    ),
    Mutation(
        "a purge of one account takes the briefs of all",
        "others",
        "services/prep/store/preps.py::delete_of_account",
        InText("WHERE account_id = $1", "WHERE $1::uuid IS NOT NULL"),
        (f"{PREP_ROWS}::test_a_purge_takes_what_is_its_own_and_nothing_else",),
    ),
)
