"""Whatever happens to two mailboxes, and whatever happens to `sync` meanwhile: the timelines show what the mailboxes hold.

Hypothesis makes up the story, tests/support/mailbox_model.py computes from the mailboxes as they are in the end what must be seen.
A story that fails is printed as the list of its steps, which can be pasted into an example below.
PINGCRM_PROOF_EXAMPLES: how many stories (`make proof` runs more of them, each time others).
"""

import itertools
import os
from collections.abc import AsyncIterator, Sequence
from typing import get_args

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from libs.local.secrets import Secrets
from tests.support.mail_stage import MailStage, hastened, mail_stage
from tests.support.mailbox_life import Life
from tests.support.mailbox_model import difference
from tests.support.mailbox_steps import (
    Audit,
    Change,
    ConnectSecond,
    Deliver,
    Draft,
    Expire,
    Kill,
    Letter,
    Repeat,
    Step,
    Sync,
    Trouble,
)
from tests.support.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")
__all__ = ["hastened"]

CI_EXAMPLES = 20
EXAMPLES = int(os.environ.get("PINGCRM_PROOF_EXAMPLES", CI_EXAMPLES))
# A story is short, and to make it shorter takes minutes: only where somebody looks for the reason of a failure.
SHRINKING = [Phase.shrink] if "PINGCRM_PROOF_SHRINK" in os.environ else []
PASSING = ("403rate", "429", "5xx", "reset", "truncated", "invalid_json", "401")
_numbers = itertools.count(1)

account = st.integers(0, 1)
nth = st.integers(0, 9)
friend = st.integers(0, 3)
mail = st.builds(Deliver, st.sampled_from(get_args(Letter)), account, friend, nth)
change = st.builds(
    Change, st.sampled_from(["trash", "restore", "spam", "unspam", "delete", "star", "archive", "unread"]), account, nth
)
draft = st.builds(
    Draft, account, friend, st.integers(0, 2), st.sampled_from(["kept", "sent_as_new", "sent_as_it_is", "thrown_away"])
)
sync = st.builds(Sync, st.none() | st.integers(1, 8))
mishap = st.one_of(
    st.builds(Kill, st.sampled_from(["restart", "seize"])),
    st.builds(Repeat, st.sampled_from(["event", "hint"]), nth),
    st.builds(Expire, account),
    st.builds(Audit, account),
    st.builds(Trouble, account, st.sampled_from(PASSING), st.integers(1, 4)),
    st.just(ConnectSecond()),
)
# Of ten steps four bring mail, two change it, two sync.
often = (mail, mail, mail, mail, change, change, sync, sync, draft, mishap)
stories = st.lists(st.integers(0, len(often) - 1).flatmap(lambda number: often[number]), min_size=10, max_size=40)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(servers: Servers, secrets: Secrets, hastened: None) -> AsyncIterator[MailStage]:
    async with mail_stage(servers, secrets) as made:
        yield made


async def live_through(stage: MailStage, story: Sequence[Step]) -> None:
    """Live through a story, rest, and compare."""
    life = Life(stage, next(_numbers))
    await life.begin()
    for step in story:
        await life.take(step)
    await life.rest()
    wrong = difference(await stage.timelines(life.user_id), life.expected())
    wrong += [f"{ref} stands on nothing, or twice" for ref in await stage.doubled(life.user_id)]
    if wrong:
        pytest.fail("\n".join(wrong))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == CI_EXAMPLES,
    phases=[Phase.generate, *SHRINKING],
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=stories)
@pytest.mark.timeout(120 + 3 * EXAMPLES)
async def test_after_any_history_the_timelines_equal_what_the_mailboxes_hold(
    stage: MailStage, story: list[Step]
) -> None:
    await live_through(stage, story)


EVERYTHING = [Deliver(letter, number % 2, number % 4, number) for number, letter in enumerate(get_args(Letter))]
STORIES: dict[str, list[Step]] = {
    "a mailbox with everything in it": [*EVERYTHING, ConnectSecond()],
    "everything arrives one after the other": [step for letter in EVERYTHING for step in (letter, Sync(3))],
    "the same mail, deleted in one account, is still in the other": [
        Deliver("to_both", 0, 0), Deliver("between_own", 0, 1), Deliver("list_copy", 0, 2), ConnectSecond(), Sync(),
        Change("delete", 0, 0), Change("trash", 1, 1), Change("delete", 1, 2), Sync(),
    ],
    "deleted in both accounts it is gone, and its people with it": [
        ConnectSecond(), Deliver("to_both", 0, 1), Sync(), Change("delete", 0, 0), Sync(), Change("delete", 1, 0), Sync(),
    ],
    "a reused Message-ID loses nothing, whichever of them is trashed and restored": [
        *(Deliver("reused_message_id", number % 2, number) for number in range(5)), ConnectSecond(), Sync(),
        Change("trash", 0, 1), Change("delete", 1, 0), Sync(), Change("restore", 0, 1), Sync(),
    ],
    "a list counts from my answer on, and until that is deleted": [
        Deliver("list", 0, 2), Sync(), Deliver("my_reply", 0, 1, 0), Sync(), Change("trash", 0, 1), Sync(),
        Change("restore", 0, 1), Sync(2), Change("delete", 0, 1),
    ],
    "while Gmail forgets its history, mail comes, goes and comes back": [
        Deliver("received", 0, 1), Deliver("sent", 0, 2), Sync(), Change("trash", 0, 0), Deliver("copied", 0, 2), Expire(0),
        Change("delete", 0, 1), Sync(4), Expire(0), Change("restore", 0, 0), Kill("seize"), Sync(),
    ],
    "drafts are nothing until they are sent": [
        Sync(), Draft(0, 1, 2, "kept"), Draft(0, 2, 1, "sent_as_new"), Sync(1), Draft(0, 3, 0, "sent_as_it_is"),
        Draft(0, 1, 1, "thrown_away"), Sync(),
    ],
    "what is published twice, and late, changes nothing": [
        Deliver("received", 0, 1), Sync(), Change("trash", 0, 0), Sync(), Repeat("event", 0), Repeat("hint"), Sync(),
        Change("restore", 0, 0), Sync(), Repeat("event", 1), Repeat("event", 0), Sync(),
    ],
    # Found by the random histories:
    "a service that stops in the moment of being asked": [ConnectSecond(), Kill("restart"), Sync(2), Kill("restart"), Kill("restart")],
    "an address in somebody else's name": [Deliver("hostile", 0, 0, 0), Deliver("hostile", 0, 0, 1), Deliver("hostile", 0, 0, 2)],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
async def test_this_history_ends_well(stage: MailStage, story: list[Step]) -> None:
    await live_through(stage, story)
