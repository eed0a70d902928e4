"""What is counted as it happens, for `/metrics`: of this process, since it began. What is measured when wanted is in measuring.py.

Labels are subjects, kinds and outcomes, of which there are few and always the same: never whom or what it is about.
"""

from prometheus_client import Counter, Histogram

# handled, failed (tried again), postponed (an outage), dead_letter, dropped (a hint)
EVENT_OUTCOMES = Counter("pingcrm_events", "Events by what became of them", ["subject", "outcome"])
# answered, outage, timed_out, failed, or the code of a refusal
REQUEST_OUTCOMES = Counter(
    "pingcrm_requests", "Requests of other services by what became of them", ["subject", "outcome"]
)

# --- Google ------------------------------------------------------------------------------------------------------------

# gmail, calendar: whose quota; a unit of the calendar's is a request
QUOTA_UNITS = Counter("pingcrm_quota_units", "Units of quota that calls were admitted for", ["api", "priority"])
QUOTA_WAIT_SECONDS = Histogram(
    "pingcrm_quota_wait_seconds",
    "How long a call waited for the quota",
    ["api", "priority"],
    buckets=(0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 65),
)
# wait (our own ceiling is too far away), daily (the day's quota is used up), google (Google refused a call for its rate)
QUOTA_REFUSALS = Counter("pingcrm_quota_refusals", "Calls that the quota put off, by who said so", ["api", "reason"])
# refreshed, reauth_required, misconfigured, unavailable, refused
TOKEN_REFRESHES = Counter("pingcrm_token_refreshes", "Refreshes of access tokens by what came of them", ["outcome"])

# --- mail, contacts, calendars -----------------------------------------------------------------------------------------

# The states of the ledger (recorded, filtered, set_aside, gone); the rule of what was filtered or set aside
MESSAGES = Counter("pingcrm_messages", "Messages by what became of them", ["outcome", "rule"])
# completed, failed, paused; with the code of what stood in the way
RUNS = Counter("pingcrm_runs_ended", "Runs by how they ended or paused", ["kind", "outcome", "code"])
RUN_SECONDS = Histogram(
    "pingcrm_run_seconds",
    "How long runs took, pauses included; looks that found nothing are left out",
    ["kind", "first"],
    buckets=(0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 28_800),
)

# --- briefs and the model ----------------------------------------------------------------------------------------------

# sent, skipped, failed; the reason of what was skipped
BRIEFS = Counter("pingcrm_briefs", "Briefs by what became of them", ["outcome", "reason"])
BRIEF_LATE_SECONDS = Histogram(
    "pingcrm_brief_late_seconds",
    "How much later than its lead before the meeting an automatic brief was sent",
    buckets=(0, 30, 60, 120, 300, 600, 900, 1_500),
)
# written, kept (answered to the very same within a day, and not called), or why there was no answer
MODEL_ANSWERS = Counter("pingcrm_model_answers", "Answers of the model by what came of them", ["outcome"])
MODEL_TOKENS = Counter("pingcrm_model_tokens", "Tokens that the model took", ["direction"])
MODEL_COST = Counter("pingcrm_model_cost_usd", "What the model's answers cost at list price")

# There from the beginning, with 0: what appears with its first 1 has not increased, as far as Prometheus can see.
for _api in ("gmail", "calendar"):
    for _reason in ("wait", "daily", "google"):
        QUOTA_REFUSALS.labels(_api, _reason)
for _kind in ("mail", "contacts", "calendar"):
    for _first in ("true", "false"):
        RUN_SECONDS.labels(_kind, _first)
for _outcome in ("refreshed", "reauth_required", "misconfigured", "unavailable", "refused"):
    TOKEN_REFRESHES.labels(_outcome)
for _outcome in (
    "written",
    "kept",
    "no_key",
    "over_budget",
    "timeout",
    "refused",
    "malformed",
    "rejected",
    "unavailable",
):
    MODEL_ANSWERS.labels(_outcome)
for _direction in ("input", "output"):
    MODEL_TOKENS.labels(_direction)
