"""What prep's handlers work with: made once in `__main__`, handed to each of them."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from libs.common.bus import Bus
from libs.common.cache import Cache
from libs.common.claude import Claude
from libs.common.config import Settings
from libs.common.db import Pool
from libs.common.google.api import Google
from libs.common.google.gmail import Gmail
from libs.common.google.tokens import AccountTokens
from libs.common.ids import AccountId
from libs.common.outbox import SharedRelay
from libs.common.service import Resources
from services.prep.domain.dossier import Dossier
from services.prep.model_calls import RecordedClaude


@dataclass(frozen=True)
class Context:
    """Everything that a handler needs, made in `__main__`."""

    settings: Settings
    db: Pool
    cache: Cache
    bus: Bus
    google: Google
    claude: Claude

    @classmethod
    def of(cls, r: Resources) -> "Context":
        """The client of Claude is closed when the service stops."""
        claude = Claude.from_settings(r.settings)
        r.stack.push_async_callback(claude.close)
        return cls(r.settings, r.db, r.cache, r.bus, Google(r.settings, r.http, r.cache), claude)

    @cached_property
    def outbox(self) -> SharedRelay:
        """Publishes what was added to the outbox, for all briefs that end at about the same moment."""
        return SharedRelay(self.db, self.bus)

    @property
    def brief_lead(self) -> timedelta:
        """How long before a meeting its brief is there, at the latest."""
        return timedelta(minutes=self.settings.prep_window_from_minutes)

    def claude_for(self, dossier: Dossier) -> RecordedClaude:
        """Claude for one brief, within what its user may spend on a day."""
        return RecordedClaude(self.claude, self.db, dossier, self.settings.anthropic_daily_budget_usd)

    def gmail(self, account_id: AccountId) -> Gmail:
        """Gmail as this account."""
        return self.google.account(AccountTokens(self.bus, account_id), account_id).gmail
