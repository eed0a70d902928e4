"""Curves as SVG: a panel each, one under the other, over one logarithmic axis. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

from tests.bench.figure import shown

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 190, 70, 50, 40, 30
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.title{font-weight:600}.axis{stroke:#bbb}"
    "polyline{fill:none;stroke:#2a6fb0;stroke-width:2}circle{fill:#2a6fb0}"
)


@dataclass(frozen=True)
class Panel:
    """One curve: `points` are (x, y), x above 0 and ascending, y from 0 on."""

    title: str
    unit: str
    points: Sequence[tuple[float, float]]


def drawing(title: str, panels: Sequence[Panel]) -> str:
    """An SVG document. Every point is labelled, so that the figures can be read without the axes."""
    body = "".join(_panel(panel, place * HEIGHT) for place, panel in enumerate(panels))
    height = HEIGHT * len(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">\n'
        f'<style>{_STYLE}</style>\n<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{body}</svg>\n'
    )


def _panel(panel: Panel, top: int) -> str:
    low, high = log10(panel.points[0][0]), log10(panel.points[-1][0])
    most = max((y for _, y in panel.points), default=0.0) or 1.0
    base = top + HEIGHT - BOTTOM
    places = [
        (
            LEFT + (WIDTH - LEFT - RIGHT) * ((log10(x) - low) / (high - low) if high > low else 0.5),
            base - (HEIGHT - TOP - BOTTOM) * y / most,
        )
        for x, y in panel.points
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    labels = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{shown(value)}</text>'
        f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{_short(size)}</text>\n'
        for (x, y), (size, value) in zip(places, panel.points, strict=True)
    )
    return (
        f'<text class="title" x="{LEFT}" y="{top + 18}">{escape(panel.title)} ({escape(panel.unit)})</text>\n'
        f'<line class="axis" x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}"/>\n<polyline points="{line}"/>\n{labels}'
    )


def _short(size: float) -> str:
    """300,000 as 300 k, 1,000,000 as 1 M."""
    for unit, least in (("M", 1e6), ("k", 1e3)):
        if size >= least:
            return f"{shown(size / least)} {unit}"
    return shown(size)
