import pytest
from torch import nn

from edgekit.nets.architectures.registry import ARCHITECTURES
from tests.published import on_meta, printed_as, run_on_meta, work

# In thousand million operations at the size of the model, as printed.
PRINTED = {
    "yolox-nano": "1.08",
    "yolox-tiny": "6.45",
    "yolox-s": "26.8",
    "yolox-darknet53": "185.3",
}
NAMES = tuple(PRINTED)


@pytest.mark.parametrize("name", NAMES)
def test_its_parameters_are_the_published_ones_before_folding(name):
    known = ARCHITECTURES[name]

    assert printed_as(known, work(on_meta(name), 64, merged=False).parameters) == known.parameters


@pytest.mark.parametrize("name", NAMES)
def test_its_operations_are_the_published_ones_batch_norms_counted(name):
    module, normed = on_meta(name), []
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.register_forward_hook(lambda *given: normed.append(given[2].numel()))

    macs = work(module, ARCHITECTURES[name].side, merged=False).macs

    # The package counts a multiply-accumulate as two operations, a batch norm as two of them.
    found, printed = 2 * (macs + 2 * sum(normed)) / 1e9, PRINTED[name]
    digits = len(printed.partition(".")[2])
    close = 0.002 if name == "yolox-darknet53" else 0.5 * 10**-digits / float(printed)
    assert found == pytest.approx(float(printed), rel=close)
    assert macs / 1e9 == pytest.approx(ARCHITECTURES[name].gmacs, rel=0.035)


@pytest.mark.parametrize("classes", [1, 80, 365])
def test_predictions_are_as_many_as_cells_and_classes_ask_for(classes):
    assert run_on_meta(on_meta(NAMES[0], classes), 64).shape == (1, 84, 5 + classes)
