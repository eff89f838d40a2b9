"""A chart, and what becomes of it: for the page, and as files that stand alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from edgekit.report.charts.theme import PRINT_COLORS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PNG_SCALE = 2.0
_MARGIN_PX = 16
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, eq=False)
class Chart:
    """A chart before it is drawn.

    Attributes:
        name: Of its files, and of its place on the page.
        title: What it is about, in a few words.
        words: What it shows, for those who do not see it.
        caption: How to read it.
        spec: Vega-Lite.
    """

    name: str
    title: str
    words: str
    caption: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A chart that is drawn.

    Attributes:
        vega: What the page's script draws again, to be pointed at and filtered.
        svg: The same as a picture, in the colours of the page: for where no script runs.
    """

    chart: Chart
    vega: Mapping[str, Any]
    svg: str


def draw(chart: Chart) -> Drawn:
    """Return ``chart`` drawn by Vega."""
    import vl_convert

    vega = vl_convert.vegalite_to_vega(_drawable(chart.spec))
    svg = vl_convert.vega_to_svg(vega)
    # Several drawings share a page: what they define must not share a name.
    svg = _in_tags(r"id=\"|url\(#", lambda found: f"{found[0]}{chart.name}-", svg)
    return Drawn(chart, vega, svg)


def svg_for_page(drawn: Drawn) -> str:
    """Return the picture as an ``<svg>`` element that fills the width it is given."""
    box = re.search(r'viewBox="([^"]*)"', drawn.svg)
    assert box is not None
    body = drawn.svg[drawn.svg.index(">") + 1 :]
    return f'<svg viewBox="{box[1]}" aria-hidden="true">{body}'


def svg_file(drawn: Drawn) -> str:
    """Return the picture as a file of its own, in the colours of print."""
    width, height = (int(float(v)) for v in _size(drawn.svg))
    body = drawn.svg[drawn.svg.index(">") + 1 : drawn.svg.rindex("</svg>")]
    box = f"{-_MARGIN_PX} {-_MARGIN_PX} {width + 2 * _MARGIN_PX} {height + 2 * _MARGIN_PX}"
    paper = (
        f'<rect x="{-_MARGIN_PX}" y="{-_MARGIN_PX}" width="100%" height="100%" fill="{{paper}}"/>'
    )
    opening = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width + 2 * _MARGIN_PX}" height="{height + 2 * _MARGIN_PX}" viewBox="{box}">'
    )
    words = f"<title>{_escaped(drawn.chart.words)}</title>"
    text = opening + words + paper.format(paper=PRINT_COLORS["paper"]) + body + "</svg>\n"
    return _in_tags(r"var\(--([a-z0-9-]+)\)", lambda found: PRINT_COLORS[found[1]], text)


def png_file(drawn: Drawn) -> bytes:
    """Return the picture as a PNG, twice the size of the SVG."""
    import vl_convert

    png: bytes = vl_convert.svg_to_png(svg_file(drawn), scale=PNG_SCALE)
    return png


def vega_json(drawn: Drawn) -> str:
    """Return what the page's script draws, as JSON in the fewest characters."""
    return json.dumps(drawn.vega, separators=(",", ":"), sort_keys=True)


@cache
def vega_script() -> str:
    """Return Vega with its embedding as JavaScript that needs no network."""
    import vl_convert

    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return re.sub("</(script)", r"<\\/\1", script, flags=re.IGNORECASE)


def _size(svg: str) -> tuple[str, str]:
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert found is not None
    return found[1], found[2]


def _drawable(part: Any) -> Any:
    """Return a part of a specification without the characters that no SVG can hold.

    Names are the user's, and drawing such a character would end the whole process.
    """
    if isinstance(part, str):
        return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", part)
    if isinstance(part, dict):
        return {key: _drawable(value) for key, value in part.items()}
    return [_drawable(value) for value in part] if isinstance(part, list | tuple) else part


def _in_tags(pattern: str, new: Callable[[re.Match[str]], str], svg: str) -> str:
    """Return ``svg`` with ``pattern`` replaced in its tags alone: names may look the same."""
    return re.sub(r"<[^>]*>", lambda tag: re.sub(pattern, new, tag[0]), svg)


def _escaped(text: str) -> str:
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
