"""What an audit concludes: how complete the mail is, in a number and in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from libs.common.requests import AuditResult

# What Gmail refuses to give out, and what contacts lose again, is tried again once a day for a week.
MAX_RETRIES = 7
NOT_RECORDED = "do_not_record"
"""The rule of what `contacts` left out because the user asked for that. The ledger has it as recorded: it was published."""


@dataclass(frozen=True, slots=True)
class AuditCount:
    """Messages that Gmail listed, by their state in the ledger; and those known to be missing that could not be helped."""

    listed: int
    recorded: int
    filtered: Mapping[str, int]
    set_aside: int
    pending: int
    unhealed: int

    def with_left_out(self, number: int) -> "AuditCount":
        """So many of the recorded ones were left out because the user asked for that."""
        left_out = min(number, self.recorded)
        if not left_out:
            return self
        return replace(self, recorded=self.recorded - left_out, filtered={**self.filtered, NOT_RECORDED: left_out})

    @property
    def complete(self) -> float:
        """The share of the listed messages that are accounted for, 0 to 1."""
        return max(0.0, 1 - (self.pending + self.unhealed) / self.listed) if self.listed else 1.0


def progress_summary(last: AuditResult | None, *, under_way: bool) -> str:
    """What is known of the audits of an account, for people. `last`: the newest one that has ended."""
    if last is None:
        return (
            "The first audit is under way."
            if under_way
            else "This mailbox was not audited yet; that is done once a day."
        )
    count = AuditCount(last.listed, last.recorded, last.filtered, last.set_aside, last.pending, last.unhealed)
    return summary(count, last.healed_added, last.healed_removed)


def summary(count: AuditCount, added: int, removed: int) -> str:
    """The outcome of an audit for people. `added` and `removed`: what it healed."""
    left_out = _left_out(count.filtered.get(NOT_RECORDED, 0))
    return f"{_accounted(count)}{left_out}{_healed(added, removed)}.{_aside(count.set_aside)}"


def _accounted(count: AuditCount) -> str:
    if not count.listed:
        return "Gmail lists no messages in the time that is imported"
    missing = count.pending + count.unhealed
    if missing:
        return (
            f"{_percent(count.complete)} of the {count.listed:,} messages that Gmail lists are accounted for, "
            f"{missing:,} {_are(missing)} still missing and will be tried again"
        )
    if count.listed == 1:
        return "The 1 message that Gmail lists is accounted for"
    return f"All {count.listed:,} messages that Gmail lists are accounted for"


def _left_out(number: int) -> str:
    return f"; {number:,} {_were(number)} left out by your rule not to record them" if number else ""


def _healed(added: int, removed: int) -> str:
    fetched = f"; {added:,} {_were(added)} missing and {_have(added)} been fetched" if added else ""
    taken_out = (
        f"; {removed:,} {_were(removed)} not in Gmail any more and {_have(removed)} been taken out" if removed else ""
    )
    return fetched + taken_out


def _aside(number: int) -> str:
    return f" {number:,} could not be read and {_were(number)} set aside." if number else ""


def _percent(share: float) -> str:
    """Never rounded up to 100 %."""
    return f"{min(int(share * 1000) / 10, 99.9):g} %"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
