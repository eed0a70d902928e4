"""How likely it is that two people are one, in words; and how many such pairs there are. Pure."""

COUNTED = 1_000
"""Pairs are counted no further."""

_LIKELIHOODS = ((0.9, "Almost certainly"), (0.8, "Very likely"), (0.7, "Likely"), (0.0, "Possibly"))


def likelihood_text(confidence: float) -> str:
    """The beginning of "… the same person": from 0 to 1, how sure it is."""
    return next(text for least, text in _LIKELIHOODS if confidence >= least)


def pairs_text(total: int) -> str:
    """How many pairs wait for a decision; empty where none does."""
    if not total:
        return ""
    number = f"{COUNTED:,} or more" if total >= COUNTED else str(total)
    return f"{number} possible duplicate{'' if total == 1 else 's'}"
