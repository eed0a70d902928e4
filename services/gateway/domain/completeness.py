"""Whether everything of a mailbox is here, in words that a person checks it by. Pure."""

from typing import Literal, NamedTuple

from libs.common.requests import Audit, AuditResult

Tone = Literal["calm", "busy", "bad"]


class Completeness(NamedTuple):
    """The verdict in a sentence, and what its numbers consist of; the latter empty where nothing was compared yet."""

    text: str
    parts: str
    tone: Tone


def completeness(audit: Audit, lookback_days: int) -> Completeness:
    """ "All 12,345 messages of the last year are here; 2 were missing and have been fetched." """
    if audit.last is None:
        return Completeness(audit.summary, "", "busy")
    last, period = audit.last, period_text(lookback_days)
    missing = last.pending + last.unhealed
    if not last.listed:
        return Completeness(f"Gmail lists no messages {period}.", "", "calm")
    if missing:
        here = f"{last.listed - missing:,} of {last.listed:,} messages {period} are here; {missing:,} {_are(missing)} missing and "
        text = f"{here}will be tried again"
    else:
        subject = "The only message" if last.listed == 1 else f"All {last.listed:,} messages"
        text = f"{subject} {period} {_are(last.listed)} here"
    return Completeness(f"{text}{_mended(last)}.", _parts(last), "bad" if last.unhealed else "calm")


def period_text(lookback_days: int) -> str:
    """How far back mail is read: "of this mailbox", "of the last year", "of the last 2 years", "of the last 90 days"."""
    if not lookback_days:
        return "of this mailbox"
    years, days = divmod(lookback_days, 365)
    if days:
        return f"of the last {lookback_days:,} days" if lookback_days > 1 else "of the last day"
    return f"of the last {years:,} years" if years > 1 else "of the last year"


def _mended(last: AuditResult) -> str:
    found = (
        (last.healed_added, "missing and", "been fetched"),
        (last.healed_removed, "not in Gmail any more and", "been taken out"),
    )
    return "".join(
        f"; {number:,} {'was' if number == 1 else 'were'} {what} {'has' if number == 1 else 'have'} {done}"
        for number, what, done in found
        if number
    )


def _parts(last: AuditResult) -> str:
    """Why the number is another than that of the timelines."""
    left_out = sum(last.filtered.values())
    parts = [f"{last.recorded:,} recorded"]
    if left_out:
        parts.append(f"{left_out:,} left out by the rules (drafts, spam, trash, what is older)")
    if last.set_aside:
        parts.append(f"{last.set_aside:,} could not be read and {_are(last.set_aside)} set aside")
    return ", ".join(parts) + ". Recorded automated mail is on no timeline unless you know somebody on it."


def _are(number: int) -> str:
    return "is" if number == 1 else "are"
