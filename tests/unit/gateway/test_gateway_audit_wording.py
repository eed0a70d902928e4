"""What people are told of audits: nothing, unless they mended something or could not."""

from uuid import uuid4

import pytest

from libs.common.events import SyncCompleted
from libs.common.ids import AccountId, RunId, UserId
from services.gateway.wording import notice_of


def _audited(**changes: object) -> SyncCompleted:
    return SyncCompleted(
        user_id=UserId(uuid4()), account_id=AccountId(uuid4()), address="maya@example.com", run_id=RunId(uuid4()), kind="mail",
        reason="repair", new=0, updated=0, removed=0, seconds=1.0,
    ).model_copy(update=changes)  # fmt: skip


@pytest.mark.parametrize("skipped", [{}, {"set_aside": 2}])
def test_an_audit_that_found_nothing_is_silent(skipped: dict[str, int]) -> None:
    assert notice_of(_audited(skipped=skipped)) is None


def test_what_an_audit_fetched_is_told_like_any_other_mail() -> None:
    notice = notice_of(_audited(new=2))
    assert notice is not None
    assert (notice.level, notice.body) == ("info", "maya@example.com: 2 new, 0 updated, 0 removed.")


def test_what_an_audit_could_not_mend_is_a_warning_that_says_where_to_look() -> None:
    notice = notice_of(_audited(skipped={"unhealed": 3}))
    assert notice is not None
    assert notice.level == "warning"
    assert notice.body.endswith("3 can't be brought onto the timelines: see the dead letters.")
