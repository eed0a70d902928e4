"""Schedules that fire, published by the NATS server itself."""

from typing import ClassVar

from libs.common.events.event import Event


class Tick(Event):
    """A schedule of the NATS server fired: once per cluster, however many replicas run. The payload is empty."""

    published_by = ("clock",)
    consumed_by = ("sync",)
    schedule: ClassVar[str]


class MailDue(Tick):
    subject = "clock.mail"
    schedule = "0 0 */6 * * *"


class ContactsDue(Tick):
    subject = "clock.contacts"
    schedule = "0 0 */6 * * *"


class CalendarDue(Tick):
    subject = "clock.calendar"
    schedule = "0 0 6 * * *"


class PrepDue(Tick):
    subject = "clock.prep"
    schedule = "@every 10m"


class WatchDue(Tick):
    subject = "clock.watch"
    schedule = "0 30 4 * * *"


class AuditDue(Tick):
    """Every mailbox is to be compared with what is recorded of it."""

    subject = "clock.audit"
    schedule = "0 0 3 * * *"
