"""Mail that scenarios deliver."""

from typing import Any


def letter(to: str, subject: str, sender: str = "Ada Byron <ada@analytical.example>") -> dict[str, Any]:
    """A plain mail as the local Google's control API takes it."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}", f"Message-ID: <{subject}@analytical.example>"]
    return {"raw": "\r\n".join([*lines, "", "The engine weaves algebraic patterns."])}
