"""How long the pieces are in which a timeline is read, until a page of it is full. Pure."""

SPARE, GROWTH = 8, 4
"""By how many positions a piece is longer than what is likely to do; and how many times as long as all before it one is at most."""


def first_length(limit: int, *, narrows: bool) -> int:
    """For a page of `limit` lines. `narrows`: lines are left out by what they are."""
    return 2 * limit if narrows else limit + SPARE


def next_length(read: int, found: int, limit: int) -> int:
    """Where so many positions were read, and so many of `limit` lines found there."""
    likely = read * (limit - found) // max(1, found)
    return min(GROWTH * read, likely + likely // 8 + SPARE)
