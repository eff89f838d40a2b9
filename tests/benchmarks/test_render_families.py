import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import render
import render_families
from committed import committed

MEASURED = committed("families")
HEADERS = {16, 20}  # bytes before the numbers of a weights file: that of YOLOv2 has the older one
# Their figures leave out or add what the sources in the table say.
COUNTED_OTHERWISE = {"nanodet", "repvgg"}
# Unfolded, they differ in float32 from themselves in float64 too: the page says by how much.
ROUNDING = {"yolov3-spp": 2e-4, "yolov4": 1e-3, "yolox-darknet53": 2e-4}
ROUNDED = {"yolox-nano": 0.04, "repvgg-a0": 0.03}  # batch norms counted; one digit printed


def network(**changes):
    return {
        "family": "yolox",
        "loads_from": "state dict",
        "official_file": None,
        "published": {"parameters": "0.91M", "gmacs": None, "source": "README of YOLOX"},
        "counted": "as trained",
        "side": 416,
        "parameters": 912159,
        "gmacs": 0.5234,
        "convolutions": [113, 110],
        "batchnorms_left": 0,
        "refused": [],
        "float32": 2.6e-7,
        "float64": 4.99e-16,
        **changes,
    }


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def bytes_as_published(numbers, published):
    """Whether a file of that many numbers is as large as is printed; megabytes are cut off."""
    figure, unit = published.split()
    sizes = {4 * numbers + header for header in HEADERS}
    if unit == "bytes":
        return int(figure) in sizes
    last = 10 ** -len(figure.partition(".")[2])
    return any(0 <= size / 2**20 - float(figure) < last for size in sizes)


def printed_as(count, figure):
    """``count`` in the unit and to the digits of ``figure``."""
    if not figure.endswith("M"):
        return str(count)
    digits = len(figure[:-1].partition(".")[2])
    return f"{count / 1e6:.{digits}f}M"


def test_the_table_has_a_line_for_every_network_and_names_its_source():
    of_yolov3 = {"parameters": "248007048 bytes", "gmacs": 32.93, "source": "issue 1910"}
    of_yolov9 = {"parameters": "2407632", "gmacs": 4.9, "source": "issue 505"}
    result = {
        "yolov3": network(
            family="yolov3",
            loads_from="cfg and weights",
            published=of_yolov3,
            counted="in the file",
            parameters=62001757,
            gmacs=32.932,
        ),
        "yolox-nano": network(),
        "gelan-t": network(family="yolov9", published=of_yolov9, counted="deployed", side=640),
        "yolox-tiny": network(official_file="tiny.pth"),
    }

    head, _, *rows = render_families.table(result)[1:7]

    same = ["2.6e-07", "5.0e-16", "0"]
    as_trained = "912,159 (0.91M as trained)"
    in_the_file = "62,001,757 (file of 248,007,048 bytes)"
    assert cells(head) == list(render_families.COLUMNS)
    assert [cells(row) for row in rows] == [
        ["YOLOv3", "yolov3, 416", "cfg and weights", "no", in_the_file, "32.932 (32.93)", *same],
        ["YOLOX", "yolox-nano, 416", "state dict", "no", as_trained, "0.523", *same],
        ["YOLOv9", "gelan-t", "state dict", "no", "912,159 (2,407,632)", "0.523 (4.9)", *same],
        ["YOLOX", "yolox-tiny, 416", "state dict", "`tiny.pth`", as_trained, "0.523", *same],
    ]
    assert render_families.table(result)[7:] == [
        "",
        "Published in:",
        "",
        "- `yolov3`: issue 1910.",
        "- `yolox-nano` `yolox-tiny`: README of YOLOX.",
        "- `gelan-t`: issue 505.",
        "",
    ]


def test_nothing_is_rendered_before_it_was_measured():
    assert render_families.table({}) == [""]
    assert "families" in render.PARTS


def test_every_measured_network_is_on_the_page():
    page = (Path(render.HERE).parent / "docs/reference/families.md").read_text(encoding="utf-8")

    on_the_page = re.findall(r"^\| [A-Z]\S+ \| ([a-z][^ ,|]*)", page, re.MULTILINE)

    assert on_the_page == ["network", *MEASURED]


@pytest.mark.parametrize("name", MEASURED)
def test_folding_leaves_no_batch_norm_and_changes_nothing_but_rounding(name):
    found = MEASURED[name]

    assert 0 < found["float32"] <= ROUNDING.get(name, 1e-4)
    assert 0 < found["float64"] <= 1e-9
    assert (found["batchnorms_left"], found["refused"]) == (0, [])


@pytest.mark.parametrize(
    "name", [n for n, of in MEASURED.items() if of["family"] not in COUNTED_OTHERWISE]
)
def test_it_has_the_published_parameters(name):
    found = MEASURED[name]
    count, figure = found["parameters"], found["published"]["parameters"]

    if found["counted"] == "in the file":
        assert bytes_as_published(count, figure)
    else:
        assert printed_as(count, figure) == figure


@pytest.mark.parametrize("name", [n for n, of in MEASURED.items() if of["published"]["gmacs"]])
def test_it_has_the_published_operations(name):
    found = MEASURED[name]

    assert found["gmacs"] == pytest.approx(found["published"]["gmacs"], rel=ROUNDED.get(name, 0.02))
