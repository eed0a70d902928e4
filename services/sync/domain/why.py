"""Why a message is, or is not, on the timeline: one sentence for people."""

_RULES = {
    "draft": "It is a draft; drafts are not recorded until they are sent.",
    "chat": "It is a chat message, not a mail.",
    "spam": "It is in Spam. Move it out of Spam and it is recorded.",
    "trash": "It is in the Trash. Take it out of the Trash and it is recorded.",
    "prep_email": "It is a meeting prep email that PingCRM itself sent.",
}


def explanation(state: str, rule: str, reason: str, lookback_days: int) -> str:
    """`state`, `rule` and `reason` as the ledger has them; `lookback_days` as it is set now (0 = all)."""
    match state:
        case "recorded":
            return "It was recorded and is on the timelines of the contacts on it."
        case "pending":
            return "It was found in Gmail and has not been read yet. The sync is on its way."
        case "gone":
            return f"It is not in Gmail any more: {reason or 'deleted'}."
        case "set_aside":
            return f"It could not be read and was set aside: {reason}"
        case "filtered" if rule == "lookback":
            return f"It is older than the {lookback_days} days of mail that are imported. Raise mail_lookback_days to include it."
        case "filtered":
            return _RULES.get(rule, f"The rule {rule} keeps it out.")
        case _:
            return _unknown(lookback_days)


def _unknown(lookback_days: int) -> str:
    older = f"older than the {lookback_days} days that are imported, " if lookback_days else ""
    return f"Gmail has not shown it: it is {older}a draft, in Spam or Trash, in another account, or newer than the last sync."
