"""How long a fault is felt: until a mail that arrived with it is on its timeline, and every replica is ready again."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import Final

import aiohttp
import asyncpg

from libs.local.cluster import Cluster

POLL_SECONDS = 0.1
NEVER_SECONDS: Final = 120.0
UNDISTURBED = "nothing (for comparison)"

_SHOWN = "SELECT EXISTS (SELECT FROM contacts.interactions WHERE title = $1)"


async def until_recovered(cluster: Cluster, title: str) -> bool:
    """Wait until the mail with this title is shown and everybody is ready; false where that takes longer than NEVER_SECONDS."""
    try:
        async with asyncio.timeout(NEVER_SECONDS), aiohttp.ClientSession() as http:
            while not (await _is_shown(cluster, title) and await _all_ready(cluster, http)):
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        return False
    return True


async def _is_shown(cluster: Cluster, title: str) -> bool:
    try:
        connection = await asyncpg.connect(cluster.postgres.admin_url, timeout=2)
        try:
            return bool(await connection.fetchval(_SHOWN, title, timeout=5))
        finally:
            connection.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.TargetServerAttributeNotMatched):
        return False


async def _all_ready(cluster: Cluster, http: aiohttp.ClientSession) -> bool:
    async def is_ready(port: int) -> bool:
        try:
            async with http.get(f"http://127.0.0.1:{port}/health/ready", timeout=aiohttp.ClientTimeout(total=3)) as got:
                return got.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    return all(await asyncio.gather(*map(is_ready, cluster.stack.health_ports.values())))


@dataclass
class Recoveries:
    """Seconds by kind of fault. `never`: what did not recover."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    never: list[str] = field(default_factory=list)

    def table(self) -> str:
        """A line for each kind. A pause and a full disk are counted from their end, everything else from its beginning."""
        lines = [f"{'what befell it':32} {'times':>5} {'p50':>7} {'p95':>7} {'worst':>7}"]
        for kind, seconds in sorted(self.seconds.items()):
            shown = (quantile(seconds, 0.5), quantile(seconds, 0.95), max(seconds))
            lines.append(f"{kind:32} {len(seconds):5} " + " ".join(f"{value:5.1f} s" for value in shown))
        return "\n".join(lines)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that is not exceeded by this share of them."""
    return sorted(values)[max(ceil(share * len(values)) - 1, 0)]
