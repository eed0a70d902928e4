"""A brief as HTML and as plain text, from the templates. Everything is escaped in HTML; nothing is fetched from anywhere.

The template has one style sheet, which is inlined: mail programs keep little of it but what stands at the elements. What remains of it
are the colours for the dark.
"""

from css_inline import CSSInliner
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.prep.domain.direction import direction, pieces
from services.prep.domain.extent import MOST_HTML_BYTES, extents, shown
from services.prep.domain.view import View

_environment = Environment(
    loader=PackageLoader("services.prep", "templates"),
    autoescape=select_autoescape(
        enabled_extensions=("html",), default_for_string=True, default=True, disabled_extensions=("txt",)
    ),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"direction": direction, "pieces": pieces}
_inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def render(view: View) -> tuple[str, str]:
    """(html, text), with as much of it as a mail program shows."""
    for extent in extents(len(view.people)):
        parts = shown(view, extent)
        html = _inliner.inline(_environment.get_template("brief.html").render(brief=view, shown=parts))
        if len(html.encode()) <= MOST_HTML_BYTES:
            break
    return html, _environment.get_template("brief.txt").render(brief=view, shown=parts)
