from itertools import pairwise
from types import SimpleNamespace

import pytest

from edgekit.backends.tensorrt.versions import (
    JETPACKS,
    VERSIONS,
    capabilities_of,
    entry_of,
    jetpacks_with,
    numbers_of,
)
from edgekit.errors import ConfigError


def flags(*names):
    return SimpleNamespace(**dict.fromkeys(names, 1))


# What the bindings of these releases have, seen on the packages themselves.
BINDINGS = {
    "8.6.1": SimpleNamespace(
        NetworkDefinitionCreationFlag=flags("EXPLICIT_BATCH", "EXPLICIT_PRECISION"),
        BuilderFlag=flags("FP16", "INT8", "TF32"),
        IExecutionContext=flags("execute_async_v2", "execute_async_v3"),
        ICudaEngine=flags("get_binding_index", "num_io_tensors"),
    ),
    "10.3.0": SimpleNamespace(
        NetworkDefinitionCreationFlag=flags("EXPLICIT_BATCH", "STRONGLY_TYPED"),
        BuilderFlag=flags("FP16", "INT8", "TF32"),
        IExecutionContext=flags("execute_async_v3"),
        ICudaEngine=flags("num_io_tensors"),
        OnnxParserFlag=flags("NATIVE_INSTANCENORM"),
    ),
    "11.4.0": SimpleNamespace(
        NetworkDefinitionCreationFlag=flags("STRONGLY_TYPED"),
        BuilderFlag=flags("TF32"),
        IExecutionContext=flags("execute_async_v3"),
        ICudaEngine=flags("num_io_tensors"),
        OnnxParserFlag=flags("NATIVE_INSTANCENORM", "REPORT_CAPABILITY_DLA", "ADJUST_FOR_DLA"),
    ),
}


@pytest.mark.parametrize(
    ("version", "typing"),
    [
        ("8.5.2", "weak"),
        ("8.6.2.3", "weak"),
        ("10.3.0", "weak"),
        ("10.11", "weak"),
        ("10.12.0", "strong"),
        ("10.16.2.10", "strong"),
        ("11.4.0.106", "strong"),
    ],
)
def test_networks_are_typed_by_the_file_from_10_12_on(version, typing):
    assert entry_of(version).typing == typing


def test_no_release_is_in_two_rows_and_rows_ascend():
    ends = [end for entry in VERSIONS for end in (entry.first, entry.last)]

    assert ends == sorted(ends)
    assert all(one.last < two.first for one, two in pairwise(VERSIONS))


def test_strongly_typed_files_have_an_opset_with_float16_scales_and_weak_ones_stay_below():
    assert {entry.opset for entry in VERSIONS if entry.typing == "strong"} == {19}
    assert {entry.opset for entry in VERSIONS if entry.typing == "weak"} == {17}


@pytest.mark.parametrize("version", BINDINGS)
def test_the_table_asks_for_no_flag_that_the_bindings_lack(version):
    entry, module = entry_of(version), BINDINGS[version]

    network = {n: hasattr(module.NetworkDefinitionCreationFlag, n) for n in entry.network_flags}
    builder = {n: hasattr(module.BuilderFlag, n) for n in (*entry.int8_flags, *entry.fp16_flags)}

    assert all(network.values())
    assert all(builder.values())


def test_capabilities_follow_the_attributes_of_the_module():
    old, middle, new = (capabilities_of(module) for module in BINDINGS.values())

    assert (old.explicit_batch, old.strongly_typed, old.precision_flags) == (True, False, True)
    assert (new.explicit_batch, new.strongly_typed, new.precision_flags) == (False, True, False)
    assert [c.bindings for c in (old, middle, new)] == [True, False, False]
    assert [c.dla_in_parser for c in (old, middle, new)] == [False, False, True]
    assert all(c.execute_async_v3 for c in (old, middle, new))


def test_an_old_jetpack_is_refused_with_its_name_and_what_to_do():
    with pytest.raises(ConfigError, match=r"JetPack 4\.6 .*Nano and TX2.*Install JetPack 5\.1"):
        entry_of("8.2.1")
    with pytest.raises(ConfigError, match=r"JetPack 5\.0"):
        entry_of("8.4.1")
    with pytest.raises(ConfigError, match=r"8\.5 or later"):
        entry_of("7.1")


@pytest.mark.parametrize("version", ["9.2.0", "10.17.0", "12.0"])
def test_a_version_beyond_the_table_asks_for_a_newer_edgekit(version):
    with pytest.raises(ConfigError, match=r"between 8\.5 and 11\.4\. Update edgekit"):
        entry_of(version)


@pytest.mark.parametrize("word", ["", "ten", "10", "10.x"])
def test_what_is_no_version_is_refused(word):
    with pytest.raises(ConfigError, match=r"expected digits like '10\.3\.0'"):
        numbers_of(word)


def test_a_version_without_a_patch_has_patch_zero():
    assert numbers_of("8.6") == (8, 6, 0)
    assert numbers_of("v10.16.2.10") == (10, 16, 2)


def test_every_jetpack_is_either_refused_or_has_one_row():
    for jetpack in JETPACKS:
        rows = [entry for entry in VERSIONS if jetpack in jetpacks_with(entry)]
        assert len(rows) == (0 if jetpack.refused else 1), jetpack.name


def test_rows_have_readable_names():
    assert entry_of("8.5.2").name == "8.5"
    assert entry_of("10.3").name == "10.0 to 10.7"
