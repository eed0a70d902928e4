"""Templates and static files. Static files are served below the hash of them all, so browsers keep them for ever."""

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context as TemplateContext
from markupsafe import Markup

from libs.common.requests import ContactSummary
from services.gateway.domain.duplicate_texts import likelihood_text
from services.gateway.domain.moments import birthday_text, clock_text, exact_text, relative_text
from services.gateway.domain.photos import photo_source, photo_version
from services.gateway.domain.timeline_view import platform_name

HERE = Path(__file__).parent


@dataclass(frozen=True)
class StaticFile:
    content: bytes
    content_type: str


class Renderer:
    """Renders templates to responses; holds the static files."""

    def __init__(self) -> None:
        served = [*(HERE / "static").iterdir(), HERE / "vendor" / "htmx.min.js"]
        self.files = {path.name: _static_file(path) for path in sorted(served)}
        self._icons = {path.stem: _icon(path) for path in (HERE / "vendor" / "icons").iterdir()}
        version = hashlib.sha256(b"".join(file.content for file in self.files.values())).hexdigest()[:12]
        self.static_path = f"/static/{version}/"
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {"static": self._static, "icon": self._icons.__getitem__, "photo_path": photo_path}
        self._templates.filters |= {
            "number": number, "iso": iso, "time": time_element, "initials": initials, "platform": platform_name,
            "likelihood": likelihood_text, "birthday": birthday_text,
        }  # fmt: skip

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
        self,
        status: int,
        title: str,
        detail: str,
        *,
        advice: str = "",
        trace: str = "",
        link: tuple[str, str] = ("/", "Go to the start page"),
    ) -> web.Response:
        """A page that explains an error and leads on: `link` is where to, and what that is called. `trace` finds it in the log."""
        values = {"title": title, "detail": detail, "advice": advice, "trace": trace, "href": link[0], "label": link[1]}
        return self.page("error.html", values, status=status)


def _static_file(path: Path) -> StaticFile:
    return StaticFile(path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def _icon(path: Path) -> Markup:
    """An icon to stand in a page: it has the size and the colour of the text, and is nothing to a screen reader."""
    svg = path.read_text().partition("<svg")[2].replace("\n", " ").replace('width="24"', "").replace('height="24"', "")
    return Markup(f'<svg aria-hidden="true" {svg}')  # noqa: S704  ours: vendored, compared with its hash by a test


@pass_context
def time_element(context: TemplateContext, value: datetime, style: str = "relative") -> Markup:
    """`<time>` in the reader's zone: relative or as a clock, the exact time on hover and for screen readers."""
    zone, now = context["zone"], context["now"]
    text = clock_text(value, zone) if style == "clock" else relative_text(value, now, zone)
    if style == "exact":
        text = exact_text(value, zone)
    # Ours: numbers and names of days. A page has very many of them.
    return Markup(f'<time datetime="{iso(value)}" title="{exact_text(value, zone)}">{text}</time>')  # noqa: S704


def photo_path(person: ContactSummary) -> str:
    """Where a page finds the person's photo; empty where Google has none. Another photo has another address."""
    known = photo_source(person.photo_url)
    return f"/contacts/{person.id}/photo?v={photo_version(person.photo_url)}" if known else ""


def initials(name: str) -> str:
    """One or two letters in place of a photo."""
    words = [word for word in name.replace("@", " ").split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[0] for word in words]
    return "".join(letters).upper() or "?"


def number(value: int) -> str:
    """1204 → 1,204."""
    return f"{value:,}"


def iso(value: datetime) -> str:
    """For `<time datetime>`."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
