"""What people are notified of after audits: nothing, unless they mended something or could not."""

from uuid import uuid4

import pytest

from libs.common.events import SyncCompleted
from libs.common.ids import AccountId, RunId, UserId
from services.gateway.domain.notification_texts import new_notification


def _audited(**changes: object) -> SyncCompleted:
    return SyncCompleted(
        user_id=UserId(uuid4()), account_id=AccountId(uuid4()), address="maya@example.com", run_id=RunId(uuid4()), kind="mail",
        reason="repair", new=0, updated=0, removed=0, seconds=1.0,
    ).model_copy(update=changes)  # fmt: skip


@pytest.mark.parametrize("skipped", [{}, {"set_aside": 2}])
def test_an_audit_that_found_nothing_is_silent(skipped: dict[str, int]) -> None:
    assert new_notification(_audited(skipped=skipped)) is None


def test_what_an_audit_fetched_is_notified_like_any_other_mail() -> None:
    notification = new_notification(_audited(new=2))
    assert notification is not None
    assert (notification.level, notification.body) == ("info", "maya@example.com: 2 new, 0 updated, 0 removed.")


def test_what_an_audit_could_not_mend_is_a_warning_that_names_where_to_look() -> None:
    notification = new_notification(_audited(skipped={"unhealed": 3}))
    assert notification is not None
    assert notification.level == "warning"
    assert notification.body.endswith("3 can't be brought onto the timelines: see the dead letters.")
