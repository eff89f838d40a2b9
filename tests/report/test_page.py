from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from edgekit.report.label_places import TEXT_PX
from edgekit.report.page import to_html
from edgekit.report.pictures import Gallery, Picture
from edgekit.report.schema import Verdict
from edgekit.values import Boxes

VOID = {"meta", "image", "use", "rect", "br", "input", "line", "path"}
SCRIPT = re.compile(r"<script.*?</script>", re.DOTALL)


class Reader(HTMLParser):
    """Collects every element with its attributes, and checks that each one is closed."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(html):
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader.elements


@pytest.fixture(scope="module")
def gallery():
    box = np.array([[5, 5, 40, 30]], np.float32)
    one = Boxes(box, np.array([0.8], np.float32), np.array([0]))
    none = Boxes(box[:0], one.scores[:0], one.classes[:0])
    picture = Picture("a<b.jpg", np.zeros((60, 80, 3), np.uint8), one, none)
    return Gallery("fp32", "int8", ("ca&t",), 0.25, "The first image.", (picture,))


@pytest.fixture(scope="module")
def whole(report, gallery):
    return to_html(report, gallery)


@pytest.fixture(scope="module")
def html(whole):
    """The page as it is without scripts."""
    return SCRIPT.sub("", whole)


def test_the_page_stands_alone(whole):
    elements = read(whole)
    links = [a.get(k) for _, a in elements for k in ("href", "src", "xlink:href") if a.get(k)]

    assert {tag for tag, _ in elements} & {"link", "iframe"} == set()
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in links)
    assert "url(http" not in whole


def test_what_a_script_reads_cannot_end_it(report):
    odd = report.rows[0].model_copy(update={"name": "</script><b>"})
    page = to_html(report.model_copy(update={"rows": (odd, *report.rows[1:])}))
    scripts = SCRIPT.findall(page)

    assert "</script><b>" not in page
    assert len(scripts) == page.count("<script") == 3 + 3  # charts; rows, Vega and our own


def test_the_verdict_comes_first(html, report):
    first = re.search(r"<h1>(.*?)</h1>", html, re.DOTALL)

    assert first[1] == report.verdict.because
    assert html.index("<h1>") < html.index("<svg") < html.index("<table")


def test_names_with_markup_stay_text(html):
    assert "&lt;b&gt;model&lt;/b&gt;.onnx" in html
    assert "<b>model" not in html
    assert "a&lt;b.jpg" in html


def test_every_drawing_says_in_words_what_it_shows(html):
    labels = [a["aria-label"] for _, a in read(html) if a.get("role") == "img"]

    assert labels[0].startswith("Accuracy against latency. mAP50-95, points: fp32: 39.8")
    assert labels[1].startswith("Times of inference.")
    assert labels[2:4] == ["fp32 on a<b.jpg: ca&t 0.80 (lost)", "int8 on a<b.jpg: nothing"]


def test_a_label_is_written_above_its_box(html):
    drawn = html[html.index('class="pair"') :]
    top = re.search(r'<rect .*? y="(.*?)"', drawn)[1]
    (baseline,) = re.findall(r'<text .*? y="(.*?)">lost ca&amp;t 0.80</text>', drawn)

    assert float(baseline) < float(top)


def test_labels_are_drawn_at_the_size_their_places_are_made_for(html):
    assert f"font-size: {TEXT_PX:g}px" in html


def test_every_table_has_headers_and_every_row_its_status(html, report):
    assert html.count('<th scope="col"') >= 29
    for row in report.rows:
        assert f'<th scope="row"><span class="name">{row.name}</span>' in html
    assert "<td>not-run: not installed</td>" in html


def test_the_page_counts_faults_and_tells_the_command(html):
    assert "faults: crowd 7, truncated 1" in html
    assert (
        '<pre tabindex="0">edgekit convert model.onnx --target ort-cpu-int8 --eval a &amp; b</pre>'
        in html
    )


def test_the_page_says_what_stands_for_the_model_that_was_given(html):
    assert "as-given: the file that was given, untouched, or the ONNX export" in html


def test_light_and_dark_are_both_there(html):
    assert "prefers-color-scheme: dark" in html


def test_the_table_of_rows_is_what_it_was(html, golden):
    golden("report/table.html", html[html.index("<table") : html.index("</table>")] + "</table>\n")


def test_a_report_without_pictures_or_plot_is_a_page(report):
    rows = report.rows[2:]
    bare = report.model_copy(
        update={"rows": rows, "verdict": Verdict(ship=None, because="Nothing yet.")}
    )

    html = SCRIPT.sub("", to_html(bare))

    assert "there is nothing to draw" in html
    assert [tag for tag, _ in read(html)].count("svg") == 0


def test_a_report_without_a_row_is_a_page_all_the_same(report):
    nothing = Verdict(ship=None, because="Nothing was run.")
    html = to_html(report.model_copy(update={"rows": (), "verdict": nothing}))

    assert "<h1>Nothing was run.</h1>" in html
    assert "there is nothing to draw" in html
