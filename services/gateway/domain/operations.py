"""How the installation is, for its operators: what the services have measured, in words. The same numbers as in `/metrics`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.common.events import TICKS, Tick
from libs.common.ids import SERVICES
from libs.common.requests import Sample
from services.gateway.domain.concerns import APIS, KINDS, Concern, Measured, concerns, duration_text
from services.gateway.domain.model_calls import dollars

ACCOUNT_STATES = {"active": "Connected", "reauth_required": "Signed out by Google"}
RUN_STATES = ("queued", "running", "importing", "waiting")
SCHEDULES = {"0 0 */6 * * *": "every 6 hours", "@every 10m": "every 10 minutes"}
TICK_TEXTS = {
    "mail": "Mail of every account",
    "contacts": "Contacts of every account",
    "calendar": "Calendars of every account, whole",
    "prep": "Calendars' news, and briefs that are due",
    "watch": "Renewing Gmail's watches",
    "audit": "Is everything here?",
}


@dataclass(frozen=True)
class AccountRow:
    """How many accounts are in a state, in words."""

    text: str
    accounts: int


@dataclass(frozen=True)
class KindColumn:
    """The unfinished runs of a kind. `lag`: of the worst of those that are not at work, in words; empty where there is none."""

    kind: str
    runs: Mapping[str, int]
    lag: str


@dataclass(frozen=True)
class QueueRow:
    consumer: str
    waiting: int
    in_hand: int
    age: str


@dataclass(frozen=True)
class ScheduleRow:
    what: str
    when: str
    fired_at: datetime | None


@dataclass(frozen=True)
class ServiceRow:
    """`version` empty: it is away. `servers`: what it works with, in words."""

    name: str
    version: str
    servers: str


@dataclass(frozen=True)
class QuotaView:
    """Of an API, in `unit`s. `ceiling` 0: there is none. `percent`: how much of it the last minute took."""

    api: str
    unit: str
    used: int
    ceiling: int
    percent: int


@dataclass(frozen=True)
class Period:
    """What the model took in so many days."""

    days: str
    tokens: int
    cost: str


@dataclass(frozen=True)
class OperationsView:
    """The page. What a service that is away would have told is missing: None, or empty. `measured_at`: when the oldest of the numbers were
    taken.
    """

    measured_at: datetime | None
    concerns: tuple[Concern, ...]
    users: int | None
    accounts: tuple[AccountRow, ...]
    kinds: tuple[KindColumn, ...]
    run_states: tuple[str, ...]
    pending: int | None
    queues: tuple[QueueRow, ...]
    empty_queues: int
    quotas: tuple[QuotaView, ...]
    schedules: tuple[ScheduleRow, ...]
    briefs: Mapping[str, int]
    model: tuple[Period, ...]
    services: tuple[ServiceRow, ...]


def operations_view(measured: Measured) -> OperationsView:
    """Everything on the page but the dead letters themselves."""
    numbers = Numbers.of(measured)
    queues = _queues(numbers)
    measured_at = min((found.value for found in numbers.named("pingcrm_measured_timestamp_seconds")), default=None)
    return OperationsView(
        measured_at=None if measured_at is None else datetime.fromtimestamp(measured_at, UTC),
        concerns=tuple(concerns(measured)),
        users=numbers.whole("pingcrm_users"),
        accounts=tuple(
            AccountRow(text, number)
            for state, text in ACCOUNT_STATES.items()
            if (number := numbers.whole("pingcrm_accounts", state=state)) is not None
        ),
        kinds=_kinds(numbers),
        run_states=RUN_STATES,
        pending=numbers.whole("pingcrm_messages_pending"),
        queues=tuple(row for row in queues if row.waiting or row.in_hand),
        empty_queues=sum(not (row.waiting or row.in_hand) for row in queues),
        quotas=tuple(_quotas(numbers)),
        schedules=tuple(_schedule(tick, numbers) for tick in TICKS) if numbers.has("sync") else (),
        briefs={found.labels["state"]: int(found.value) for found in numbers.named("pingcrm_briefs_of_day")},
        model=_model(numbers),
        services=tuple(_service(service, measured.get(service)) for service in SERVICES),
    )


@dataclass(frozen=True)
class Numbers:
    """The samples of all services, to be looked up."""

    samples: tuple[Sample, ...]
    present: frozenset[str]

    @classmethod
    def of(cls, measured: Measured) -> "Numbers":
        there = {service: samples for service, samples in measured.items() if samples is not None}
        return cls(tuple(found for samples in there.values() for found in samples), frozenset(there))

    def has(self, service: str) -> bool:
        return service in self.present

    def named(self, name: str, **labels: str) -> list[Sample]:
        """Those of this name that have these labels, among others."""
        return [found for found in self.samples if found.name == name and labels.items() <= found.labels.items()]

    def number(self, name: str, **labels: str) -> float | None:
        found = self.named(name, **labels)
        return found[0].value if found else None

    def whole(self, name: str, **labels: str) -> int | None:
        found = self.number(name, **labels)
        return None if found is None else int(found)


def _kinds(numbers: Numbers) -> tuple[KindColumn, ...]:
    columns = []
    for kind, text in KINDS.items():
        runs = {found.labels["state"]: int(found.value) for found in numbers.named("pingcrm_runs", kind=kind)}
        lags = [
            found.value
            for found in numbers.named("pingcrm_sync_lag_seconds", kind=kind)
            if found.labels["state"] in ("queued", "waiting")
        ]
        if runs:
            columns.append(KindColumn(text, runs, duration_text(max(lags)) if max(lags, default=0) >= 1 else ""))
    return tuple(columns)


def _queues(numbers: Numbers) -> list[QueueRow]:
    """The oldest first."""
    ages = {found.labels["consumer"]: found.value for found in numbers.named("pingcrm_queue_age_seconds")}
    return [
        QueueRow(
            consumer,
            numbers.whole("pingcrm_queue_waiting", consumer=consumer) or 0,
            numbers.whole("pingcrm_queue_in_hand", consumer=consumer) or 0,
            duration_text(age),
        )
        for consumer, age in sorted(ages.items(), key=lambda item: -item[1])
    ]


def _quotas(numbers: Numbers) -> Iterator[QuotaView]:
    """Of the APIs whose calls are counted."""
    for api, text in APIS.items():
        used = numbers.whole("pingcrm_quota_used_units", api=api)
        ceiling = numbers.whole("pingcrm_quota_ceiling_units", api=api)
        if used is not None and ceiling is not None:
            unit = "units" if api == "gmail" else "requests"
            yield QuotaView(text, unit, used, ceiling, round(100 * used / ceiling) if ceiling else 0)


def _schedule(tick: type[Tick], numbers: Numbers) -> ScheduleRow:
    consumer = f"sync_{tick.subject.replace('.', '_')}"
    fired = numbers.number("pingcrm_queue_delivered_timestamp_seconds", consumer=consumer)
    what = TICK_TEXTS[tick.subject.removeprefix("clock.")]
    return ScheduleRow(what, _when(tick.schedule), datetime.fromtimestamp(fired, UTC) if fired else None)


def _when(schedule: str) -> str:
    if schedule in SCHEDULES:
        return SCHEDULES[schedule]
    _, minute, hour, *_ = schedule.split()
    return f"daily at {hour:0>2}:{minute:0>2} UTC"


def _model(numbers: Numbers) -> tuple[Period, ...]:
    costs = {found.labels["days"]: found.value for found in numbers.named("pingcrm_model_cost_usd_of_days")}
    return tuple(
        Period(
            "24 hours" if days == "1" else f"{days} days",
            int(sum(found.value for found in numbers.named("pingcrm_model_tokens_of_days", days=days))),
            dollars(cost),
        )
        for days, cost in sorted(costs.items(), key=lambda item: int(item[0]))
    )


def _service(name: str, samples: Sequence[Sample] | None) -> ServiceRow:
    build = next((found.labels for found in samples or () if found.name == "pingcrm_build_info"), {})
    names = {"postgres": "PostgreSQL", "nats": "NATS"}
    servers = [
        f"{names[found.labels['server']]} {found.labels['version'].split()[0]}"
        for found in samples or ()
        if found.name == "pingcrm_server_info" and found.labels["version"]
    ]
    python = f"Python {build['python']}" if build else ""
    return ServiceRow(name, build.get("version", ""), ", ".join(filter(None, (python, *servers))))
