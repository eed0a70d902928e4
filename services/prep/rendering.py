"""A brief as HTML and as plain text, from the templates. Everything is escaped in HTML; nothing is fetched from anywhere."""

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

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


def render(view: View) -> tuple[str, str]:
    """(html, text)."""
    html = _environment.get_template("brief.html").render(brief=view)
    text = _environment.get_template("brief.txt").render(brief=view)
    return html, text
