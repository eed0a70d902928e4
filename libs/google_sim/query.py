"""The parameters of a query string, read with Google's errors."""

from urllib.parse import parse_qs

from libs.google_sim.errors import invalid


class Query:
    """The parameters by name; each may be repeated."""

    def __init__(self, text: str) -> None:
        self._values = parse_qs(text, keep_blank_values=True) if text else {}

    def text(self, name: str) -> str | None:
        """Return the last value given; None if absent or empty."""
        values = self._values.get(name)
        return (values[-1] or None) if values else None

    def texts(self, name: str) -> list[str]:
        """Return all values of a repeated parameter."""
        return self._values.get(name, [])

    def integer(self, name: str, default: int, maximum: int) -> int:
        """Return a count of at least 1; more than `maximum` is cut to it, as Google does."""
        text = self.text(name)
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError as error:
            raise invalid(f"Invalid value at '{name}' (TYPE_INT32), \"{text[:50]}\"", name) from error
        if value < 1:
            raise invalid(f"Invalid value for {name}. Values must be at least 1.", name)
        return min(value, maximum)

    def flag(self, name: str) -> bool:
        text = (self.text(name) or "false").lower()
        if text not in ("true", "false"):
            raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), \"{text[:50]}\"", name)
        return text == "true"

    def given(self, names: tuple[str, ...]) -> list[str]:
        """Return those of the names that the query has."""
        return [name for name in names if name in self._values]

    def fingerprint(self, leaving_out: tuple[str, ...]) -> str:
        """Return a text that is the same for two queries that differ only in the parameters left out."""
        return repr(sorted((k, sorted(v)) for k, v in self._values.items() if k not in leaving_out))
