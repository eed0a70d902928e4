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
    """`label`: the platform. `shown` is one line; `identity` is as the API has it."""

    label: str
    shown: str
    identity: ContactIdentity

    @property
    def line(self) -> str:
        """As it is typed."""
        return f"{self.label} {self.shown}"


def handles(identities: Iterable[ContactIdentity]) -> list[Handle]:
    return [
        Handle(platform_label(identity.kind), " ".join(identity.shown.split()), identity) for identity in identities
    ]


def platform_label(kind: str) -> str:
    """What people call the platform; of one that is not known its own name."""
    return _LABELS.get(kind, kind[:1].upper() + kind[1:])


def typed_handles(lines: Iterable[str], held: Iterable[ContactIdentity]) -> tuple[dict[str, str], ...]:
    """What lines of a form name. One that was left as it was is what it was, whatever its platform is called."""
    shown = {handle.line: handle.identity for handle in handles(held)}
    return tuple(
        {"kind": shown[line].kind, "value": shown[line].shown} if line in shown else typed_handle(line)
        for line in map(str.strip, lines)
        if line
    )


def typed_handle(line: str) -> dict[str, str]:
    """The platform and the handle of a line; without a platform where it is the address of a profile, or nothing that names one."""
    first, _, rest = line.strip().partition(" ")
    platform = first.rstrip(":")
    if rest.strip() and platform[:1].isalpha() and "/" not in platform and "@" not in platform:
        return {"kind": platform.lower(), "value": rest.strip()}
    return {"value": line.strip()}
