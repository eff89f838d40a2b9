import pytest

from edgekit.load.checkpoint.namespaces import is_accepted, modern_name
from edgekit.load.checkpoint.nodes import Global


@pytest.mark.parametrize(
    "full_name",
    [
        "torch.nn.modules.conv.Conv2d",
        "torch.nn.backends.thnn._get_thnn_function_backend",
        "models.common.C3",
        "ultralytics.nn.modules.Conv",
        "argparse.Namespace",
        "collections.OrderedDict",
        "torch._utils._rebuild_tensor_v2",
        "numpy._core.multiarray.scalar",
        "__builtin__.set",
    ],
)
def test_detectors_options_and_plain_data_are_accepted(full_name):
    assert is_accepted(Global(*full_name.rsplit(".", 1)))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.nnx", "X"),
        ("modelsx", "X"),
        ("models.common", "os.system"),
        ("utils", "general.os.system"),
        ("", "models.X"),
    ],
)
def test_names_outside_and_names_that_lead_outside_are_not(module, name):
    assert not is_accepted(Global(module, name))


@pytest.mark.parametrize(
    ("module", "modern"),
    [
        ("numpy._core.multiarray", "numpy.core.multiarray"),
        ("numpy.core.multiarray", "numpy.core.multiarray"),
        ("pathlib._local", "pathlib"),
        ("copy_reg", "copyreg"),
        ("torch.tensor", "torch._tensor"),
        ("models", "models"),
    ],
)
def test_one_name_stands_for_what_moved(module, modern):
    assert modern_name(Global(module, "x")) == f"{modern}.x"
