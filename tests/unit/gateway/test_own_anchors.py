"""Links to a part of the settings page lead to one that is there: those of pages, of notifications and of briefs."""

import re
from pathlib import Path

from libs.local import ROOT

PAGE = ROOT / "services/gateway/pages/templates/settings.html"
LINK = re.compile(r"/settings#([a-z-]+)")
ANCHOR = re.compile(r'id="([a-z-]+)"|saving\("([a-z-]+)"\)')


def linked(folder: Path) -> dict[str, str]:
    """The parts that are linked to, each with a file that does so."""
    files = [file for kind in ("*.py", "*.html", "*.txt", "*.js") for file in folder.rglob(kind)]
    return {part: str(file) for file in files for part in LINK.findall(file.read_text())}


def test_every_part_of_the_settings_that_is_linked_to_is_there() -> None:
    parts = {part for found in ANCHOR.findall(PAGE.read_text()) for part in found if part}
    links = linked(ROOT / "services")
    assert {part: file for part, file in links.items() if part not in parts} == {}
    assert {"briefs", "sync", "data"} <= set(links)
