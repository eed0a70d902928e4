"""Settings with something changed in them. Pure."""

from typing import Any

from pydantic import ValidationError

from libs.common.addresses import canonical
from libs.common.errors import Refused
from libs.common.preferences import GmailPreferences, Preferences


def merged(before: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`before` with each group's changed fields replaced."""
    return {group: {**fields, **changes.get(group, {})} for group, fields in before.items()}


def with_own_address(before: Preferences, address: str) -> Preferences:
    """The settings with one more address that is the user's own. Refused: `address_refused` (409)."""
    own_addresses = before.gmail.own_addresses
    if address in {canonical(own_address) for own_address in own_addresses}:
        return before
    try:
        gmail = GmailPreferences.model_validate(
            {**before.gmail.model_dump(), "own_addresses": (*own_addresses, address)}
        )
    except ValidationError as error:
        raise Refused(
            409, "address_refused", f"{address} can't be added: the settings take at most 50 well-formed addresses."
        ) from error
    return before.model_copy(update={"gmail": gmail})
