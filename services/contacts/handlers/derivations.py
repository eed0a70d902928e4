"""The background loop that derives stored columns anew after an upgrade."""

from libs.common.bus import Bus
from services.contacts.context import Context
from services.contacts.derivations import refresh_due_derivations


async def refresh_outdated(context: Context, bus: Bus) -> None:
    """Ends when nothing is due any more: only a migration makes something due. As many replicas as you like."""
    while not await bus.run_guarded(lambda: refresh_due_derivations(context)):
        pass
