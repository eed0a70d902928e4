"""Links of a page that lead out of docs/, as links of the site. A path is that in the repository, with slashes; no file is looked at."""

import posixpath
import re
from collections.abc import Callable, Mapping

from docs.handbook.github_markdown import prose

# Pages of the repository's root, and where they stand on the site.
ROOT_PAGES: Mapping[str, str] = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
# Sections of the README that are pages of the site.
README_SECTIONS: Mapping[str, str] = {
    "#commands": "reference/commands.md",
    "#push": "install/google-push.md",
    "#settings": "reference/settings.md",
}
RELATIVE = re.compile(r"(!?)\[([^\]]*)\]\((?![a-z][a-z0-9+.-]*:|#|/)([^)\s#]+)(#[^)\s]*)?\)")
"""A relative link or picture: its mark, its text, its path, and its anchor with the `#`."""

IndexOf = Callable[[str], str | None]
"""The page that stands for a folder of docs/, as a path of the site; None where it has none."""


def for_the_site(text: str, source: str, page: str, index_of: IndexOf) -> str:
    """The page `source` of the repository, with links for where the site has it: `page`.

    What the site does not have (code, tests) stays as text.
    """

    def rewritten(found: re.Match[str]) -> str:
        mark, shown, path, anchor = found[1], found[2], found[3], found[4] or ""
        target: str | None
        named = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if named == "README.md" and anchor in README_SECTIONS:
            target, anchor = README_SECTIONS[anchor], ""
        else:
            target = on_the_site(named, index_of)
        if target is None:
            return shown
        return f"{mark}[{shown}]({posixpath.relpath(target, posixpath.dirname(page) or '.')}{anchor})"

    return "\n".join(RELATIVE.sub(rewritten, line) if is_prose else line for line, is_prose in prose(text))


def on_the_site(path: str, index_of: IndexOf) -> str | None:
    """Where the site has a path of the repository; None where it does not."""
    if path in ROOT_PAGES:
        return ROOT_PAGES[path]
    if path != "docs" and not path.startswith("docs/"):
        return None
    inside = path.removeprefix("docs").removeprefix("/")
    is_file = "." in posixpath.basename(inside)
    return inside if is_file else index_of(inside)
