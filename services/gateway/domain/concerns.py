"""What an operator should know: rules over the measurements. The alert of the same name (deploy/prometheus) has the same bound. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from libs.common.ids import SERVICES
from libs.common.requests import Sample

KINDS = {"mail": "Mail", "contacts": "Contacts", "calendar": "Calendars"}
APIS = {"gmail": "Gmail", "calendar": "Google Calendar"}

Measured = Mapping[str, Sequence[Sample] | None]
"""The samples of each service; None: it is away."""


@dataclass(frozen=True)
class Rule:
    """A number that should not be above a bound. `text` can name its labels, its service, `value` and `duration`.

    `total`: all samples of this name and with these labels count together, else each for itself.
    """

    alert: str
    name: str
    above: float
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)
    total: bool = False


@dataclass(frozen=True)
class Concern:
    """A rule that is broken. `alert` names its page in docs/operating."""

    alert: str
    text: str


DOWN = "PingCRMServiceDown"
RULES: tuple[Rule, ...] = (
    Rule("PingCRMNotMeasured", "pingcrm_measure_failed", 0, "The {part} of {service} could not be measured."),
    Rule(
        "PingCRMDeadLetters", "pingcrm_dead_letters", 0, "Dead letters: {value:,.0f}. They are listed below.", total=True
    ),
    Rule(
        "PingCRMQueueOld", "pingcrm_queue_age_seconds", 600, "Events have waited for {consumer} for {duration}."
    ),
    Rule(
        "PingCRMOutboxStuck", "pingcrm_outbox_age_seconds", 60, "The service {service} has not published its events for {duration}."
    ),
    Rule(
        "PingCRMRunsOverdue", "pingcrm_sync_lag_seconds", 900, "{kind}: a run has been due for {duration}, and was not begun.",
        {"state": "queued"},
    ),
    Rule(
        "PingCRMRunsStall", "pingcrm_sync_lag_seconds", 3_600, "{kind}: a run has made no progress for {duration}.",
        {"state": "waiting"},
    ),
    Rule(
        "PingCRMPollsLate", "pingcrm_polls_lag_seconds", 900, "Mailboxes have been due for a look for {duration}."
    ),
    Rule(
        "PingCRMQuotaUsedUp", "pingcrm_quota_closed_seconds", 0, "{api}'s quota of the day is used up for another {duration}."
    ),
    Rule(
        "PingCRMBriefsFail", "pingcrm_briefs_of_day", 0, "Briefs that failed in the last 24 hours: {value:,.0f}.",
        {"state": "failed"},
    ),
    Rule(
        "PingCRMWebhookCallsLate", "pingcrm_webhook_calls_age_seconds", 600, "Webhook calls have been due for {duration}."
    ),
    Rule(
        "PingCRMAccountsSignedOut", "pingcrm_accounts", 0, "Accounts that wait for their user to sign in again: {value:,.0f}.",
        {"state": "reauth_required"},
    ),
)  # fmt: skip


def concerns(measured: Measured) -> Iterator[Concern]:
    """What is wrong, in the order of the rules; first who does not reply."""
    for service in SERVICES:
        if measured.get(service) is None:
            yield Concern(DOWN, f"The service {service} does not reply.")
    for rule in RULES:
        for name, samples in measured.items():
            for labels, value in _values(rule, samples or ()):
                if value > rule.above:
                    yield Concern(rule.alert, _sentence(rule, name, labels, value))


def duration_text(seconds: float) -> str:
    """In the largest unit of which there are two: "90 s", "12 min", "3 h", "4 days"."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size):,} {unit}"
    return f"{int(seconds)} s"


def _values(rule: Rule, samples: Sequence[Sample]) -> list[tuple[Mapping[str, str], float]]:
    found = [sample for sample in samples if sample.name == rule.name and rule.labels.items() <= sample.labels.items()]
    if rule.total:
        return [({}, sum(sample.value for sample in found))]
    return [(sample.labels, sample.value) for sample in found]


def _sentence(rule: Rule, service: str, labels: Mapping[str, str], value: float) -> str:
    words = {**labels, "service": service, "kind": KINDS.get(labels.get("kind", ""), "")}
    words |= {"api": APIS.get(labels.get("api", ""), "Google")}
    words |= {"part": words.get("part", "").replace("_", " ")}
    return rule.text.format(**words, value=value, duration=duration_text(value))
