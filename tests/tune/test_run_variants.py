from __future__ import annotations

import numpy as np
import pytest

from edgekit.backends.onnxruntime import OnnxRuntime
from edgekit.graphs import graph_to_bytes
from edgekit.tune import run_variants as module
from edgekit.tune.run_variants import run_variants

RUNTIME = OnnxRuntime(threads=1, spin=False, optimize=False)


@pytest.fixture(scope="module")
def feeds(network):
    image = network.graph.model.graph.inputs[0]
    rng = np.random.default_rng(0)
    shape = tuple(image.shape.numpy())
    return [{image.name: rng.integers(0, 256, shape, dtype=np.uint8)} for _ in range(3)]


@pytest.mark.parametrize("kept_bytes", [module.KEPT_BYTES, 1])
def test_a_variant_gives_bit_by_bit_what_running_all_of_it_gives(
    variants, feeds, monkeypatch, kept_bytes
):
    monkeypatch.setattr(module, "KEPT_BYTES", kept_bytes)
    layers = list(variants.groups)
    graphs = {"whole": variants.in_float(()), "float": variants.all_float()}
    graphs |= {f"alone {layer}": variants.alone(layer) for layer in layers}
    graphs |= {f"but {layer}": variants.in_float([layer]) for layer in layers}

    for base in ("whole", "float"):
        found = {
            (name, image): outputs
            for name, image, outputs in run_variants(graphs[base], graphs.items(), feeds, RUNTIME)
        }

        assert len(found) == len(graphs) * len(feeds)
        for name, graph in graphs.items():
            with RUNTIME.open(graph_to_bytes(graph)) as session:
                for image, feed in enumerate(feeds):
                    for key, expected in session.run(feed).items():
                        np.testing.assert_array_equal(found[name, image][key], expected)


def test_what_is_emulated_is_what_the_runtime_runs_in_integers(variants, feeds):
    """A rounding that falls the other way moves a value by one step, here and there."""
    whole = variants.in_float(())

    emulated = [out for *_, out in run_variants(whole, [("whole", whole)], feeds, RUNTIME)]

    with OnnxRuntime(threads=1, spin=False).open(graph_to_bytes(whole)) as session:
        for feed, mine in zip(feeds, emulated, strict=True):
            for key, real in session.run(feed).items():
                spread = float(real.max() - real.min())
                assert np.abs(real - mine[key]).mean() < 0.005 * spread


def test_every_variant_is_told(variants, feeds):
    told = []
    graphs = [(layer, variants.alone(layer)) for layer in list(variants.groups)[:2]]

    for _ in run_variants(variants.all_float(), graphs, feeds, RUNTIME, lambda *a: told.append(a)):
        pass

    assert told == [("sensitivity", 3, 6), ("sensitivity", 6, 6)]
