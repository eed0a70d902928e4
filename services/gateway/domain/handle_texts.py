"""Handles on other platforms as a page shows them and as people type them: the platform first, then the handle. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from libs.common.requests import ContactIdentity

_LABELS = {
    "telegram": "Telegram", "linkedin": "LinkedIn", "twitter": "Twitter", "instagram": "Instagram", "github": "GitHub",
    "whatsapp": "WhatsApp", "signal": "Signal", "phone": "Phone",
}  # fmt: skip


@dataclass(frozen=True)
class Handle:
    """`label`: the platform. `kind` and `value` are as the API has them; `url` is empty where no profile is known."""

    label: str
    shown: str
    url: str
    kind: str
    value: str

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"{self.label} {self.shown}"


def handles(identities: Iterable[ContactIdentity]) -> list[Handle]:
    return [
        Handle(platform_label(identity.kind), identity.shown, identity.url, identity.kind, identity.value)
        for identity in identities
    ]


def platform_label(kind: str) -> str:
    """What people call the platform; of one that is not known its own name."""
    return _LABELS.get(kind, kind[:1].upper() + kind[1:])


def typed_handle(line: str) -> dict[str, str]:
    """The platform and the handle of a line; without a platform where it is the address of a profile, or nothing that names one."""
    first, _, rest = line.strip().partition(" ")
    platform = first.rstrip(":")
    if rest.strip() and platform[:1].isalpha() and "/" not in platform and "@" not in platform:
        return {"kind": platform.lower(), "value": rest.strip()}
    return {"value": line.strip()}
