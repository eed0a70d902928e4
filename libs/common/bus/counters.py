"""What became of events and requests, counted for `/metrics`. Labels are subjects and outcomes, never whom it is about."""

from prometheus_client import Counter

# handled, failed (tried again), postponed (an outage), dead_letter, dropped (a hint)
EVENT_OUTCOMES = Counter("pingcrm_events", "Events by what became of them", ["subject", "outcome"])
# answered, outage, timed_out, failed, or the code of a refusal
REQUEST_OUTCOMES = Counter(
    "pingcrm_requests", "Requests of other services by what became of them", ["subject", "outcome"]
)
