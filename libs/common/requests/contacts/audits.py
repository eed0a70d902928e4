"""What `sync` published, compared with what `contacts` holds."""

from pydantic import ConfigDict, Field

from libs.common.ids import AccountId, UserId
from libs.common.requests.request import FrozenModel, Query


class PublishedMessage(FrozenModel):
    """What the newest event about one message states: it is there as of `revision`, or it was `removed`."""

    gmail_id: str = Field(max_length=500)
    revision: int
    removed: bool = False


class HeldMessage(FrozenModel):
    """How a message is held that is not held as published. `revision`: that of the newest event that arrived, 0 for none."""

    gmail_id: str
    revision: int


class Comparison(FrozenModel):
    """The `differing` messages. They are lost where none is `waiting`: events on their way here that were not handled yet.

    `left_out`: of how many nothing is kept, because the user asked not to record who is on them.
    """

    differing: tuple[HeldMessage, ...]
    waiting: int
    left_out: int = 0


class CompareMessages(Query[Comparison]):
    """Which of these messages are not held as they were published? None of an account or user that was purged."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    subject = "contacts.compare"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = Comparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedMessage, ...] = Field(alias="told", max_length=500)


class PublishedItem(FrozenModel):
    """What the newest event about a meeting or card states. `id`: `calendar id/event id`, or the card's resource name."""

    id: str = Field(max_length=2_500)
    revision: int
    removed: bool = False


class HeldItem(FrozenModel):
    """How an item is held that is not held as published. `revision`: that of the newest event that arrived, 0 for none."""

    id: str
    revision: int


class ItemComparison(FrozenModel):
    """The `differing` items. They are lost where none is `waiting`: events on their way here that were not handled yet."""

    differing: tuple[HeldItem, ...]
    waiting: int


class CompareMeetings(Query[ItemComparison]):
    """Which of these meetings are not held as they were published? None of an account or user that was purged."""

    subject = "contacts.compare_meetings"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ItemComparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedItem, ...] = Field(max_length=250)


class CompareCards(Query[ItemComparison]):
    """Which of these cards of Google Contacts are not held as they were published? None of an account or user that was purged."""

    subject = "contacts.compare_cards"
    served_by = "contacts"
    requested_by = ("sync",)
    reply = ItemComparison

    user_id: UserId
    account_id: AccountId
    published: tuple[PublishedItem, ...] = Field(max_length=250)
