"""Numbers of things in words. Pure."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 message", "1,204 messages"; `plural` where it is more than the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
