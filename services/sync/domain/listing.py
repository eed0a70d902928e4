"""The search with which a mailbox is listed, and how sharply it cuts."""

from datetime import datetime, timedelta

EDGE = timedelta(hours=1)  # how sharply `after:` cuts is not documented: what lies close to it is left alone
# Drafts and chats are left out by their labels; not listing them saves their fetch.
_NOT_LISTED = "-in:draft -in:chat"


def since_s(earliest: datetime | None) -> int:
    """Epoch seconds from where on is listed, 0 = everything. `q` takes seconds; its dates are midnight Pacific."""
    return max(int(earliest.timestamp()), 1) if earliest else 0


def query(from_s: int, until_s: int = 0) -> str:
    """The search that lists a mailbox from then on, and until then."""
    bounds = [f"after:{from_s}"] if from_s else []
    if until_s:
        bounds.append(f"before:{until_s}")
    return " ".join([*bounds, _NOT_LISTED])
