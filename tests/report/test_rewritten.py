from __future__ import annotations

import re

from edgekit.report.markdown import to_markdown
from edgekit.report.page import to_html
from edgekit.report.rewritten import HEADINGS, cells, rewrite_facts


def without(report, **changes):
    rewrites = report.rewrites.model_copy(update=changes)
    return report.model_copy(update={"rewrites": rewrites})


def test_a_kind_of_rewrite_is_a_row_below_the_headings(report):
    norms, pools = (cells(count) for count in report.rewrites.done)

    assert norms == ("a batch normalization behind a layer", "57", "114 to 57", "1.2e-07")
    assert pools[-1] == "0"
    assert len(norms) == len(HEADINGS)


def test_what_proves_it_is_named(report):
    facts = {fact.name: fact.text for fact in rewrite_facts(report.rewrites)}

    assert facts["nodes"] == "233 as given, 176 rewritten"
    assert facts["proven on"] == "000000000009.jpg, street_1.jpg, noise and a drawn picture"
    assert "images within a relative 2.5e-06 of the torch modules" in facts["export to ONNX"]
    assert facts["dropped"] == "the output 'raw': 'output0' is computed from it"
    assert facts["loading"] == "The averaged (EMA) weights are used."


def test_without_images_the_proof_says_so_and_claims_no_comparison(report):
    bare = without(report, images=(), export_difference=None).rewrites

    facts = {fact.name: fact.text for fact in rewrite_facts(bare)}

    assert facts["proven on"] == "noise and a drawn picture, for want of images"
    assert "export to ONNX" not in facts


def test_the_pages_show_every_rewrite_and_every_refusal(report):
    html, markdown = to_html(report), to_markdown(report)

    for page in (html, markdown):
        assert "What was rewritten" in page
        assert "a batch normalization behind a layer" in page
        assert "1.2e-07" in page
    assert re.search(r"/a/&lt;bn&gt;</span></th>\s*<td>its output is \| used elsewhere", html)
    assert "- `/a/<bn>`: its output is \\| used elsewhere" in markdown


def test_a_network_that_needed_nothing_has_no_table_and_no_list(report):
    plain = without(report, done=(), refused=())

    for page in (to_html(plain), to_markdown(plain)):
        assert "What was rewritten" in page
        assert "Left as they are" not in page
        assert HEADINGS[-1] not in page


def test_a_report_of_an_earlier_edgekit_has_no_such_section(report):
    earlier = report.model_copy(update={"rewrites": None})

    assert "What was rewritten" not in to_html(earlier) + to_markdown(earlier)
