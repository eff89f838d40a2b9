"""Try every reading of the raw values against what a graph's own decode gives."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from edgekit.heads.probing.layouts import Layout, RawMap, known_layouts, unknown_layouts
from edgekit.heads.probing.match_boxes import Match, Probed, match_form
from edgekit.heads.probing.match_scores import find_scores, probe_values, reading, tables
from edgekit.heads.probing.match_unknown import match_unknown
from edgekit.heads.spec import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from edgekit.heads.probing.runner import DecodeRunner


def known_matches(runner: DecodeRunner, names: Sequence[str]) -> list[Match]:
    """Return every known layout and formula that explains the values called ``names``.

    One alone where the network decodes boxes itself: thousands of random boxes that come out
    equal leave no room for a second formula.
    """
    found = []
    for probed in _probes(runner, names, known_layouts(_maps(runner), runner.input_hw)):
        for match in (match_form(probed, form) for form in probed.layout.forms):
            if match is not None and match.decoded:
                return [match]
            found += [match] if match else []
    return found


def unknown_matches(runner: DecodeRunner, names: Sequence[str]) -> list[Match]:
    """Return every way to find scores, and boxes of whatever origin, in the values ``names``."""
    maps = _maps(runner)
    layouts = chain(known_layouts(maps, runner.input_hw), unknown_layouts(maps), _lists(runner))
    probes = _probes(runner, names, layouts)
    return [match for probed in probes if (match := match_unknown(probed, runner.input_hw))]


def plain_score_maps(runner: DecodeRunner, names: Sequence[str]) -> set[int]:
    """Return the channel counts of the maps that are class scores and nothing else."""
    maps = _maps(runner)
    found = set()
    for channels in {m.channels for m in maps}:
        layout = Layout(tuple(m.view() for m in maps if m.channels == channels))
        if any(_probes(runner, names, [layout])):
            found.add(channels)
    return found


def raw_shapes(runner: DecodeRunner) -> dict[str, tuple[int, ...]]:
    """Return the shape of every raw value."""
    return {name: runner.natural[name].shape for name in runner.raws}


def _probes(
    runner: DecodeRunner, names: Sequence[str], layouts: Iterable[Layout]
) -> Iterator[Probed]:
    for layout in layouts:
        raws = probe_values(layout, raw_shapes(runner))
        given = runner.run(raws)
        views = tables({n: given[n] for n in names})
        seen = reading(layout, raws)
        columns = find_scores(views, seen)
        if columns:
            yield Probed(layout, raws, seen, views, columns)


def _maps(runner: DecodeRunner) -> list[RawMap]:
    shapes = raw_shapes(runner)
    return [RawMap(n, s[1], (s[2], s[3])) for n, s in shapes.items() if len(s) == 4]


def _lists(runner: DecodeRunner) -> Iterator[Layout]:
    for name, shape in raw_shapes(runner).items():
        if len(shape) == 3:
            yield Layout((View(output=name, axis=2, columns=(0, shape[2])),))
