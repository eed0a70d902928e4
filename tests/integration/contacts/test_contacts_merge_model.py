"""Whatever is imported, edited, merged, undone, left out and let in, in whatever order: all equals the reference model.

PINGCRM_PROOF_EXAMPLES: how many stories. A story that fails is printed as the list of its steps, which can be pasted into STORIES.
"""

import os
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from libs.common.errors import Refused
from libs.common.requests import GetTimeline
from services.contacts.handlers import timelines
from tests.support.contacts_world import USER, World, connected, contacts_database, world
from tests.support.merge_handles import LifeWithHandles
from tests.support.merge_life import Life, Step
from tests.support.merge_model import Shown

__all__ = ["contacts_database", "world"]

CI_EXAMPLES = 8
EXAMPLES = int(os.environ.get("PINGCRM_PROOF_EXAMPLES", CI_EXAMPLES))
SHRINKING = [Phase.shrink] if "PINGCRM_PROOF_SHRINK" in os.environ else []


async def shown(life: Life, number: int) -> Shown:
    contact = await life.get(number)
    query = GetTimeline(user_id=USER, contact_id=contact.id, limit=200)
    found = (await timelines.get_timeline(life.world.context, query)).items
    return Shown(
        frozenset(contact.emails), frozenset(identity.value for identity in contact.identities), contact.title, contact.company,
        frozenset(contact.tags), frozenset(filter(None, contact.notes.split("\n\n"))),
        frozenset(line.title or line.text for line in found),
    )  # fmt: skip


async def compare(life: Life) -> None:
    for number, contact in enumerate(life.model.contacts):
        if contact.gone:
            with pytest.raises(Refused, match="not_found"):
                await life.get(number)
            continue
        root = life.model.root(number)
        assert (await life.get(number)).id == life.ids[root], number
        assert await shown(life, number) == life.model.shown(root), number
    await life.rest(0, 0)
    rows = await life.world.pool.fetch("SELECT first_id, second_id FROM possible_duplicates")
    pairs = {frozenset({life.ids.index(row["first_id"]), life.ids.index(row["second_id"])}) for row in rows}
    assert pairs == life.model.pairs()


async def live_through(world: World, story: Sequence[Step]) -> None:
    await world.clear()
    await world.receive(connected())
    life = LifeWithHandles(world)
    for step in story:
        await life.take(step)
    await compare(life)
    await life.merge_and_undo_at_once()
    await compare(life)


OFTEN = (
    "mail_from_a_stranger", "mail_from_a_friend", "card_of_a_stranger", "card_of_a_friend", "card_with_one_more_email", "write_note",
    "type_title", "add_tag", "take_tag_off", "add_paragraph", "type_email", "merge", "merge", "merge", "merge", "undo", "undo", "undo",
    "chat_from_a_stranger", "chat_from_a_friend", "type_handle", "take_handle_off", "type_handle_again", "unlink", "unlink",
    "dismiss", "rest", "exclude_person", "exclude_address", "exclude_domain", "let_in", "let_in", "mail_from_the_excluded",
)  # fmt: skip
steps = st.builds(Step, st.sampled_from(OFTEN), st.integers(0, 9), st.integers(0, 9))
BEGINNING = [Step("mail_from_a_stranger"), Step("card_of_a_stranger"), Step("mail_from_a_stranger")]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == CI_EXAMPLES,
    phases=[Phase.generate, *SHRINKING],
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(story=st.lists(steps, min_size=8, max_size=30))
@pytest.mark.timeout(120 + 3 * EXAMPLES)
async def test_after_any_story_contacts_and_timelines_equal_the_model(world: World, story: list[Step]) -> None:
    await live_through(world, [*BEGINNING, *story])


STORIES: dict[str, list[Step]] = {
    "what came for the other since": [
        *BEGINNING, Step("merge", 0, 0), Step("mail_from_a_friend", 1), Step("card_of_a_friend", 1), Step("card_with_one_more_email", 1),
        Step("mail_from_a_friend", 2), Step("type_email", 0), Step("write_note", 0), Step("undo"), Step("mail_from_a_friend", 1),
        Step("mail_from_a_friend", 3),
    ],
    "merges on top, and the lowest is undone first": [
        *BEGINNING, Step("type_title", 1), Step("type_title", 2), Step("add_tag", 1), Step("add_paragraph", 1), Step("add_paragraph", 2),
        Step("merge", 0, 0), Step("add_paragraph", 0), Step("take_tag_off", 0), Step("merge", 0, 0), Step("add_tag", 0), Step("undo", 0),
        Step("undo", 0),
    ],
    "a merge into another, and back, and again": [
        *BEGINNING, Step("merge", 1, 1), Step("card_of_a_friend", 2), Step("card_with_one_more_email", 1), Step("merge", 0, 0),
        Step("write_note", 0), Step("undo", 0), Step("undo", 0), Step("merge", 0, 1), Step("dismiss", 0, 0),
    ],
    "who is not to be recorded, with all that was merged into them, and is let in again": [
        *BEGINNING, Step("card_of_a_friend", 2), Step("add_tag", 0), Step("merge", 0, 0), Step("write_note", 0), Step("exclude_person", 0),
        Step("mail_from_the_excluded", 0), Step("let_in", 0), Step("let_in", 0), Step("merge", 0, 0), Step("undo", 0),
    ],
    "handles that are linked by a merge, parted, taken off and typed again": [
        *BEGINNING, Step("chat_from_a_stranger"), Step("merge", 0, 2), Step("chat_from_a_friend", 0), Step("unlink", 0),
        Step("merge", 1, 2), Step("type_handle", 0), Step("chat_from_a_friend", 1), Step("unlink", 1), Step("chat_from_a_stranger"),
        Step("merge", 0, 0), Step("take_handle_off", 0), Step("chat_from_a_friend", 0), Step("undo", 0), Step("type_handle_again", 0),
        Step("write_note", 0), Step("exclude_person", 1), Step("chat_from_a_friend", 0), Step("let_in", 0), Step("undo", 0),
        Step("unlink", 0),
    ],
    "one address of a person, and the domain of another": [
        *BEGINNING, Step("mail_from_a_stranger"), Step("type_email", 0), Step("write_note", 0), Step("card_of_a_friend", 0),
        Step("card_with_one_more_email", 1), Step("exclude_address", 0), Step("mail_from_the_excluded", 0), Step("exclude_domain", 0),
        Step("mail_from_a_stranger"), Step("mail_from_a_stranger"), Step("mail_from_a_stranger"), Step("type_email", 0),
        Step("type_email", 0), Step("type_email", 0), Step("let_in", 1), Step("let_in", 0),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
async def test_this_story_ends_as_the_model_states(world: World, story: list[Step]) -> None:
    await live_through(world, story)
