"""Who may become a user of this installation, and who operates it."""

from collections.abc import Collection
from dataclasses import dataclass

from libs.common.addresses import canonical
from libs.common.errors import Refused
from services.auth.domain.sign_in import GoogleProfile


class NotAdmitted(Exception):
    """Somebody who is no user yet, and may not become one."""


@dataclass(frozen=True)
class SignUpPolicy:
    """PINGCRM_SIGN_UP and PINGCRM_OPERATORS: `rule` is `first`, `open`, or canonical addresses and `@domains`."""

    rule: tuple[str, ...]
    operators: frozenset[str]

    def admits(self, profile: GoogleProfile, *, installation_is_new: bool) -> bool:
        """Whether somebody who is no user yet becomes one. `installation_is_new`: nobody has signed in before.

        An address counts where Google has verified that it is theirs. Operators are admitted under every rule.
        """
        match self.rule:
            case ("open",):
                return True
            case ("first",):
                return installation_is_new or self.is_listed(profile, self.operators)
            case _:
                return self.is_listed(profile, {*self.rule, *self.operators})

    def is_listed(self, profile: GoogleProfile, entries: Collection[str]) -> bool:
        """Whether the verified address, or its domain, is among the entries."""
        address = canonical(profile.address) if profile.address_verified else None
        return address is not None and (address in entries or f"@{address.partition('@')[2]}" in entries)

    def is_operator(self, profile: GoogleProfile, *, owner: bool) -> bool:
        """The owner, and the users whose verified address PINGCRM_OPERATORS names."""
        return owner or self.is_listed(profile, self.operators)

    def refusal(self, *, revoked: bool) -> Refused:
        """What a person who is not admitted reads. `revoked`: what they gave at Google was taken back there."""
        whose = (
            "This PingCRM has its owner, and takes nobody else."
            if self.rule == ("first",)
            else "This PingCRM takes only people whom its operator has named, and your address is not among them."
        )
        grant = (
            "the permission that you gave at Google has been taken back there."
            if revoked
            else "take back the permission that you gave, at https://myaccount.google.com/connections: Google could not be reached."
        )
        return Refused(
            403,
            "sign_up_closed",
            f"{whose} If you should be let in, ask whoever runs it. Nothing of you was kept; {grant}",
        )
