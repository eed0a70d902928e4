"""Templates and static files. Static files are served below the hash of them all, so browsers keep them for ever."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent


@dataclass(frozen=True)
class StaticFile:
    content: bytes
    content_type: str


class Renderer:
    """Renders templates to responses; holds the static files."""

    def __init__(self) -> None:
        folder = sorted((HERE / "static").iterdir())
        self.files = {path.name: _static_file(path) for path in folder}
        version = hashlib.sha256(b"".join(file.content for file in self.files.values())).hexdigest()[:12]
        self.static_path = f"/static/{version}/"
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = self._static
        self._templates.filters |= {"number": number, "moment": moment, "iso": iso}

    def _static(self, name: str) -> str:
        if name not in self.files:
            raise KeyError(f"there is no static file {name}")
        return self.static_path + name

    def page(self, template: str, values: Mapping[str, object] | None = None, *, status: int = 200) -> web.Response:
        """The response with a rendered template."""
        html = self._templates.get_template(template).render(values or {})
        return web.Response(
            text=html, status=status, content_type="text/html", headers={"Cache-Control": "no-store, private"}
        )

    def error_page(
        self, status: int, title: str, detail: str, *, link: tuple[str, str] = ("/", "Go to the start page")
    ) -> web.Response:
        """A page that explains an error and leads on: `link` is where to, and what that is called."""
        values = {"title": title, "detail": detail, "href": link[0], "label": link[1]}
        return self.page("error.html", values, status=status)


def _static_file(path: Path) -> StaticFile:
    return StaticFile(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def number(value: int) -> str:
    """1204 → 1,204."""
    return f"{value:,}"


def moment(value: datetime) -> str:
    """What a browser without JavaScript shows; with it, page.js writes it in the reader's zone and words."""
    return f"{value.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def iso(value: datetime) -> str:
    """For `<time datetime>`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
