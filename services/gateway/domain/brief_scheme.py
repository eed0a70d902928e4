"""The HTML of a brief as a reader in light or in dark sees it, whatever the browser around it prefers. Pure."""

from typing import Literal

Scheme = Literal["light", "dark"]
IN_THE_DARK = "@media (prefers-color-scheme: dark)"


def in_scheme(html: str, scheme: Scheme) -> str:
    """The same HTML, with the rules for the dark in force always or never."""
    return html.replace(IN_THE_DARK, "@media all" if scheme == "dark" else "@media not all")
