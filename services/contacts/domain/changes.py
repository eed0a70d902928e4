"""Which contacts a transaction changed, to be published after its commit."""

from collections.abc import Collection, Mapping

from libs.common.ids import ContactId, UserId

ChangedContacts = dict[UserId, set[ContactId]]


def joined(*several: Mapping[UserId, Collection[ContactId]]) -> ChangedContacts:
    """All of them, by user."""
    everything: ChangedContacts = {}
    for changed in several:
        for user_id, contact_ids in changed.items():
            everything.setdefault(user_id, set()).update(contact_ids)
    return everything
