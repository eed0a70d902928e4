"""What Google's refusals are called, how long is waited after one, and which tokens are held."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from libs.common.bus import Bus
from libs.common.cache import OUTAGES, Cache
from libs.common.config import Settings
from libs.common.errors import Outage, Refused, Throttled
from libs.common.google import errors, quota, retries
from libs.common.google.batch_get import _most_urgent
from libs.common.google.errors import DailyLimit, NotReady, Unauthorized, error_of
from libs.common.google.quota import Mailbox, QuotaLimiter, ResponseTimes, Throttle
from libs.common.google.retries import RetryBudget
from libs.common.google.tokens import AccountTokens, KeptTokens
from libs.common.ids import AccountId, UserId
from libs.common.requests import GetToken, Token

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
ACCOUNT = AccountId(UUID(int=2))
DISABLED = (
    "This Google API is not switched on in your Google Cloud project. Enable it in the API library, then sync again."
)


def body(reason: str) -> bytes:
    return orjson.dumps({"error": {"errors": [{"reason": reason}]}})


@pytest.mark.parametrize(
    ("status", "response", "sentence"),
    [
        (401, b"", "Google refused the access token."),
        (410, b"", "Google asks for a full listing."),
        (429, b"", "Google asked us to slow down."),
        (404, b"", "Google does not have it any more."),
        (400, body("failedPrecondition"), "Google says that this account is not ready for it. Does it have a mailbox?"),
        (400, b"Only one user push notification client allowed",
         "Gmail already tells another client of this Google Cloud project about this mailbox."),
        (500, b"", "Google answered 500."),
        (408, b"", "Google answered 408."),
        (499, b"", "Google does not accept the request (499)."),
        (403, body("dailyLimitExceeded"),
         "Google's quota of the day is used up for this project. It goes on when the next day begins."),
        (403, body("insufficientPermissions"), "Google says that this permission was not granted."),
        (403, b"", "Google refused this account. Try to connect it again."),
        (403, body("domainPolicy"),
         "The administrator of this Google Workspace domain does not allow it. Ask them to allow PingCRM."),
        (403, body("accessNotConfigured"), DISABLED),
        (403, body("SERVICE_DISABLED"), DISABLED),
        (403, body("forbidden"), "Google does not let this account read that. Check whether it is still shared with you."),
    ],
)  # fmt: skip
def test_each_refusal_is_a_sentence(status: int, response: bytes, sentence: str) -> None:
    assert str(error_of(status, {}, response, NOW)) == sentence


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        *((reason, Throttled) for reason in ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded",
                                             "RATE_LIMIT_EXCEEDED", "concurrentLimitExceeded")),
        *((reason, errors.DailyLimit) for reason in ("dailyLimitExceeded", "dailyLimitExceededUnreg")),
        *((reason, errors.MissingScope) for reason in ("insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                                                       "insufficientScopes")),
        *((reason, errors.SyncTokenExpired) for reason in ("EXPIRED_SYNC_TOKEN", "fullSyncRequired", "updatedMinTooLongAgo")),
    ],
)  # fmt: skip
def test_each_reason_is_known_wherever_google_writes_it(reason: str, kind: type[Exception]) -> None:
    for written in ({"errors": [{"reason": reason}]}, {"details": [{"reason": reason}]}, {"status": reason}):
        assert type(error_of(403, {}, orjson.dumps({"error": written}), NOW)) is kind
    assert type(error_of(400, {}, orjson.dumps({"error": {"status": "FAILED_PRECONDITION"}}), NOW)) is NotReady


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.GoogleError, "google_refused"), (errors.Unauthorized, "unauthorized"), (errors.ReauthRequired, "reauth_required"),
        (errors.MissingScope, "missing_scope"), (errors.AccountUnknown, "disconnected"), (errors.NotReady, "not_ready"),
        (errors.Rejected, "rejected"), (errors.WatchConflict, "watch_conflict"), (errors.Gone, "gone"),
        (errors.HistoryExpired, "history_expired"), (errors.PageExpired, "page_expired"),
        (errors.SyncTokenExpired, "sync_token_expired"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_code(kind: type[errors.GoogleError], code: str) -> None:
    assert kind("Sentence.").code == code
    codes = {
        "domainPolicy": "domain_policy", "accessNotConfigured": "api_disabled", "service_disabled": "api_disabled",
        "forbidden": "forbidden", "": "forbidden",
    }  # fmt: skip
    for reason, forbidden in codes.items():
        found = error_of(403, {}, body(reason), NOW)
        assert isinstance(found, errors.Forbidden)
        assert found.code == forbidden


def test_a_wait_is_read_with_and_without_a_zone() -> None:
    def wait(written: str) -> timedelta | None:
        error = error_of(429, {"Retry-After": written}, b"", NOW)
        assert isinstance(error, Throttled)
        return error.retry_after

    assert wait(" 1.5 ") == timedelta(seconds=1.5)
    assert wait("Wed, 04 Mar 2026 12:00:30 -0000") == timedelta(seconds=30)
    assert wait("Wed, 04 Mar 2026 11:00:00 GMT") == timedelta(0)
    assert wait("21600") == wait("21601") == timedelta(hours=6)


@pytest.fixture
def middle(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """The jitter is the middle of its range; the ranges."""
    ranges: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        ranges.append((low, high))
        return (low + high) / 2

    monkeypatch.setattr(retries, "uniform", uniform)
    return ranges


def test_pauses_double_until_the_budget_is_spent(middle: list[tuple[float, float]]) -> None:
    budget = RetryBudget()
    assert [budget.pause_after(Outage("away"), 0.0) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, None]
    assert budget.spent == 23.5
    assert middle == [(0.7, 1.3)] * 6
    assert RetryBudget().allows(20.0)
    assert not RetryBudget(spent=0.1).allows(20.0)


def test_a_try_counts_with_its_time_and_a_demanded_wait_is_kept(middle: list[tuple[float, float]]) -> None:
    budget = RetryBudget()
    assert budget.pause_after(Throttled("slow", timedelta(seconds=3)), 4.0) == 3.0
    assert budget.spent == 7.0
    assert budget.pause_after(Throttled("slow", timedelta(milliseconds=1)), 0.0) == 1.0
    assert budget.pause_after(Throttled("slow"), 10.0) == 2.0
    assert budget.spent == 20.0
    assert budget.pause_after(Outage("away"), 0.0) is None


def test_the_day_s_end_is_not_waited_for_and_what_is_not_ready_only_a_while(middle: list[tuple[float, float]]) -> None:
    budget = RetryBudget()
    assert budget.pause_after(DailyLimit(NOW, timedelta(hours=1)), 1.0) is None
    assert budget.spent == 0.0
    assert [budget.pause_after(NotReady("not yet"), 0.0) for _ in range(5)] == [0.5, 1.0, 2.0, 4.0, None]


def test_of_several_failures_the_most_urgent_counts() -> None:
    token, long_wait, short_wait = Unauthorized("t"), Throttled("l", timedelta(9)), Throttled("s", timedelta(1))
    unknown, away, not_ready = Throttled("u"), Outage("a"), NotReady("n")
    ranked = [token, long_wait, short_wait, unknown, away, not_ready]
    for number, failure in enumerate(ranked):
        assert _most_urgent(reversed(ranked[number:])) is failure


@dataclass
class Authority:
    """A bus on which `auth` gives out one token after the other, or refuses."""

    lifetime: timedelta = timedelta(hours=1)
    refusal: str = ""
    scopes: frozenset[str] = frozenset()
    asked: list[GetToken] = field(default_factory=list)

    async def request(self, query: GetToken) -> Token:
        self.asked.append(query)
        if self.refusal:
            raise Refused(409, self.refusal, "Detail.")
        return Token(
            access_token=f"t{len(self.asked)}",
            expires_at=datetime.now(UTC) + self.lifetime,
            scopes=self.scopes,
            address="a@x.example",
            user_id=UserId(UUID(int=1)),
        )


async def test_a_token_is_held_for_its_scope_while_it_lasts_and_is_accepted() -> None:
    authority = Authority()
    tokens = AccountTokens(cast(Bus, authority), ACCOUNT)
    assert [await tokens("a", None), await tokens("a", None), await tokens("b", None), await tokens("a", None)] == [
        "t1",
        "t1",
        "t2",
        "t1",
    ]
    assert [await tokens("a", "t1"), await tokens("a", "t1")] == ["t3", "t3"]
    assert [(query.account_id, query.scope, query.rejected) for query in authority.asked] == [
        (ACCOUNT, "a", None), (ACCOUNT, "b", None), (ACCOUNT, "a", "t1"),
    ]  # fmt: skip


async def test_a_token_is_good_for_all_scopes_that_it_covers_and_of_a_rejected_one_nothing_is() -> None:
    authority = Authority(scopes=frozenset({"a", "b"}))
    tokens = AccountTokens(cast(Bus, authority), ACCOUNT)
    assert [await tokens("a", None), await tokens("b", None), await tokens("c", None)] == ["t1", "t1", "t2"]
    assert [await tokens("b", "t1"), await tokens("a", "t1")] == ["t2", "t2"], "the second one covers them, too"
    assert [await tokens("b", "t2"), await tokens("a", None)] == ["t3", "t3"]
    assert len(authority.asked) == 3


@pytest.mark.parametrize(("seconds", "asked"), [(59, 2), (65, 1)])
async def test_a_token_that_ends_within_a_minute_is_replaced(seconds: int, asked: int) -> None:
    authority = Authority(timedelta(seconds=seconds))
    tokens = AccountTokens(cast(Bus, authority), ACCOUNT)
    await tokens("a", None)
    await tokens("a", None)
    assert len(authority.asked) == asked


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("reauth_required", errors.ReauthRequired), ("missing_scope", errors.MissingScope), ("not_found", errors.AccountUnknown),
        ("odd", Refused),
    ],
)  # fmt: skip
async def test_a_refusal_of_auth_is_one_of_google_s(code: str, kind: type[Exception]) -> None:
    tokens = AccountTokens(cast(Bus, Authority(refusal=code)), ACCOUNT)
    with pytest.raises(kind, match=r"Detail\."):
        await tokens("a", None)


def test_the_tokens_of_those_worked_on_last_are_kept() -> None:
    first, second, third = (AccountId(UUID(int=number)) for number in range(3))
    kept = KeptTokens(cast(Bus, None), most=2)
    tokens = [kept.of(first), kept.of(second)]
    assert kept.of(first) is tokens[0]
    kept.of(third)
    assert kept.of(first) is tokens[0]
    assert kept.of(second) is not tokens[1], "the one that was not asked for the longest was given up"
    assert tokens[0].account_id == first
    assert KeptTokens(cast(Bus, None)).most == 20_000


def test_a_throttle_shows_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(quota, "monotonic", lambda: clock[0])
    throttle = Throttle(5.0)
    assert not throttle.waiting
    with throttle.asleep(), throttle.asleep():
        assert throttle.waiting
    clock[0] = 101.9
    assert throttle.waiting
    clock[0] = 102.0
    assert not throttle.waiting


def test_how_long_google_works_is_learned_from_its_responses(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(quota, "monotonic", lambda: clock[0])
    times = ResponseTimes()
    assert times.working_share == 1.0
    times.note(5, 4.0)
    assert (times.batches, times.shortest, times.working_share) == (4.0, inf, 1.0)
    times.note(1, 2.0)
    times.note(1, 3.0)
    assert (times.shortest, times.working_share) == (2.0, 0.5)
    times.note(2, 12.0)
    assert times.batches == 5.0
    times.refused()
    clock[0] = 159.9
    assert times.working_share == 1.0
    clock[0] = 160.0
    assert times.working_share == pytest.approx(0.6)
    times.note(1, 0.0)
    assert times.working_share == 1.0


@dataclass
class Limiter:
    """A quota limiter that lets everything go after a wait, and remembers what was asked of it."""

    wait: float = 0.0
    api: str = "gmail"
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def reserve(self, *arguments: object) -> float:
        self.asked.append(arguments)
        return self.wait

    async def hold(self, *arguments: object) -> None:
        self.asked.append(("hold", *arguments))

    async def close(self, *arguments: object) -> None:
        self.asked.append(("close", *arguments))


@pytest.mark.parametrize("priority", ["live", "backfill"])
async def test_a_call_with_a_price_waits_for_the_quota(priority: Any) -> None:
    limiter = Limiter(wait=0.001)
    mailbox = Mailbox(ACCOUNT, cast(QuotaLimiter, limiter), Throttle(1.0), 4)
    await mailbox.admit(0, priority)
    assert limiter.asked == []
    await mailbox.admit(20, priority)
    assert limiter.asked == [(ACCOUNT, 20, priority)]
    assert mailbox.throttle.waiting
    await mailbox.slow_down(timedelta(seconds=3))
    await mailbox.close_for_today(timedelta(seconds=4))
    assert limiter.asked[1:] == [("hold", ACCOUNT, timedelta(seconds=3)), ("close", timedelta(seconds=4))]
    assert mailbox.response_times._cautious_until > 0
    unlimited = Mailbox(ACCOUNT, None, Throttle(0.0), 4)
    await unlimited.admit(20, priority)
    await unlimited.slow_down(timedelta(seconds=3))
    await unlimited.close_for_today(timedelta(seconds=3))


async def test_a_batch_takes_slots_for_its_parts_and_gives_them_back() -> None:
    mailbox = Mailbox(ACCOUNT, None, Throttle(0.0), 4, parts_per_slot=2)
    for parts, taken in ((1, 1), (2, 1), (3, 2), (7, 4), (50, 4)):
        async with mailbox.requesting(parts):
            assert mailbox._slots._value == 4 - taken
        assert mailbox._slots._value == 4
    mailbox.response_times.note(2, 4.0)
    mailbox.response_times.note(1, 4.0)
    assert mailbox._slots_for(50) == 1


def test_the_ceilings_come_from_the_settings() -> None:
    cache = cast(Cache, object())
    settings = Settings(gmail_units_per_minute=6, gmail_project_units_per_minute=7, gmail_live_percent=8)
    assert QuotaLimiter.of(settings, cache) == QuotaLimiter(cache, 6, 7, 0.08, 60.0)
    none = Settings(gmail_units_per_minute=0, gmail_project_units_per_minute=0)
    assert QuotaLimiter.of(none, cache) is None
    assert QuotaLimiter.of(none, None) is None
    for ceiling in (
        Settings(gmail_units_per_minute=1, gmail_project_units_per_minute=0),
        Settings(gmail_units_per_minute=0, gmail_project_units_per_minute=1),
    ):
        assert QuotaLimiter.of(ceiling, cache) is not None
        with pytest.raises(ValueError, match="give a cache, or set both ceilings to 0"):
            QuotaLimiter.of(ceiling, None)


@dataclass
class Counter:
    """Redis with a script that decides: replies with `decision`, and remembers what it was given."""

    decision: list[Any] = field(default_factory=list)
    ran: list[tuple[Any, ...]] = field(default_factory=list)
    away: bool = False

    def in_namespace(self, name: str) -> "Counter":
        assert name == "google"
        return self

    async def run(self, script: str, keys: list[str], *arguments: object) -> list[Any]:
        self.ran.append((script, keys, *arguments))
        if self.away:
            raise OUTAGES[0]("gone")
        return self.decision


def test_the_calendar_has_a_ceiling_of_its_own_where_requests_can_be_counted() -> None:
    cache = cast(Cache, object())
    settings = Settings(calendar_project_requests_per_minute=9, gmail_live_percent=8)
    assert QuotaLimiter.of_calendar(settings, cache) == QuotaLimiter(cache, 0, 9, 0.08, 60.0, "calendar")
    assert QuotaLimiter.of_calendar(settings, None) is None
    assert QuotaLimiter.of_calendar(Settings(calendar_project_requests_per_minute=0), cache) is None


MAILBOX_KEY, PROJECT_KEY = f"quota:{{gmail}}:mailbox:{ACCOUNT}", "quota:{gmail}:project"


@pytest.mark.parametrize(("priority", "longest_ms"), [("live", 20_000.0), ("backfill", 65_000.0)])
async def test_a_call_is_reserved_for_mailbox_and_project_at_once(priority: Any, longest_ms: float) -> None:
    redis = Counter([b"go", 1_500])
    limiter = QuotaLimiter(cast(Cache, redis), 6, 7, 0.25)
    assert await limiter.reserve(ACCOUNT, 20, priority) == 1.5
    assert redis.ran == [(quota._RESERVE, [MAILBOX_KEY, PROJECT_KEY], 20, priority, 60_000.0, longest_ms, 0.25, 6, 7)]
    await limiter.hold(ACCOUNT, timedelta(seconds=2))
    await limiter.close(timedelta(seconds=3))
    assert redis.ran[1:] == [
        (quota._HOLD, [MAILBOX_KEY], "hold", 2_000.0), (quota._HOLD, [PROJECT_KEY], "closed", 3_000.0),
    ]  # fmt: skip
    assert quota._RESERVE != quota._HOLD


async def test_what_the_quota_refuses_names_its_wait() -> None:
    redis = Counter([b"closed", 5_000])
    limiter = QuotaLimiter(cast(Cache, redis), 6, 7, 0.25)
    with pytest.raises(DailyLimit) as closed:
        await limiter.reserve(ACCOUNT, 20, "live")
    assert closed.value.retry_after == timedelta(seconds=5)
    assert closed.value.ends_at.tzinfo is UTC
    redis.decision = [b"hold", 7_000]
    with pytest.raises(Throttled, match=r"^Gmail asked us to wait\.$") as held:
        await limiter.reserve(ACCOUNT, 20, "live")
    assert held.value.retry_after == timedelta(seconds=7)
    calendar = QuotaLimiter(cast(Cache, redis), 0, 7, 0.0, api="calendar")
    with pytest.raises(Throttled, match=r"^Google Calendar asked us to wait\.$"):
        await calendar.reserve(ACCOUNT, 1, "live")
    assert redis.ran[-1][1] == [f"quota:{{calendar}}:mailbox:{ACCOUNT}", "quota:{calendar}:project"]
    redis.away = True
    with pytest.raises(Outage, match=rf"^Redis, which keeps count of Gmail's quota, is away: {OUTAGES[0].__name__}\.$"):
        await limiter.reserve(ACCOUNT, 20, "live")
