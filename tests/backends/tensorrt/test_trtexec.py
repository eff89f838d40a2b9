import json

import pytest

from edgekit.backends.tensorrt.trtexec import BUILT, commands, filled, precision_flags, table
from edgekit.backends.tensorrt.versions import VERSIONS, entry_of
from edgekit.errors import ConfigError
from tests.backends.tensorrt.stand_in_trtexec import FLAGS, WITH_DLA


def names_of(template):
    return {word[2:].partition("=")[0] for word in template}


def known(release):
    return set(" ".join(FLAGS[release]).split())


@pytest.mark.parametrize("release", FLAGS)
@pytest.mark.parametrize("precision", BUILT)
def test_no_flag_is_passed_that_the_version_lacks(release, precision):
    told = commands(entry_of(release), precision)

    for template in (told.build, told.time, told.profile, told.outputs):
        assert names_of(template) - known(release) == set()


@pytest.mark.parametrize(
    ("release", "precision", "flags"),
    [
        ("8.5", "int8", ("--int8", "--fp16")),
        ("8.6", "fp16", ("--fp16",)),
        ("10.3", "int8", ("--int8", "--fp16")),
        ("10.3", "fp32", ("--noTF32",)),
        ("10.13", "int8", ("--stronglyTyped",)),
        ("10.16", "fp32", ("--stronglyTyped", "--noTF32")),
        ("11.4", "int8", ()),
        ("11.4", "fp16", ()),
    ],
)
def test_precision_is_asked_for_only_where_the_file_does_not_say_it(release, precision, flags):
    assert precision_flags(entry_of(release), precision) == flags


@pytest.mark.parametrize("entry", VERSIONS, ids=lambda entry: entry.name)
def test_every_version_times_with_a_graph_spin_wait_and_copies(entry):
    told = names_of(commands(entry, "int8").time)

    by_default = entry.first >= (11, 0)
    assert ("useCudaGraph" in told, "useSpinWait" in told) == (not by_default, not by_default)
    assert ("includeDataTransfers" in told) == by_default
    assert "noDataTransfers" not in told
    assert not told & {"dumpProfile", "exportProfile"}


@pytest.mark.parametrize("release", sorted(WITH_DLA))
def test_the_accelerator_gets_float16_falls_back_and_has_no_graph(release):
    told = commands(entry_of(release), "fp16", dla=True)

    assert "--allowGPUFallback" in told.build
    assert all("--useDLACore={dla_core}" in line for line in (told.build, told.time, told.profile))
    assert "--useCudaGraph" not in told.time
    assert names_of(told.time) - known(release) == set()


def test_a_version_without_the_accelerator_says_so():
    with pytest.raises(ConfigError, match=r"10\.12 to 10\.16, fp16 .*not supported there"):
        commands(entry_of("10.16"), "fp16", dla=True)
    with pytest.raises(ConfigError, match=r"takes fp16\. Leave --dla out"):
        commands(entry_of("8.6"), "int8", dla=True)


def test_names_in_braces_become_values_even_where_those_have_braces():
    assert filled(("--onnx={onnx}", "--fp16"), {"onnx": "a{b}.onnx"}) == [
        "--onnx=a{b}.onnx",
        "--fp16",
    ]


def test_the_table_of_a_bundle_is_json_with_a_row_for_every_version():
    written = json.loads(json.dumps(table()))

    assert [tuple(row["first"]) for row in written["versions"]] == [e.first for e in VERSIONS]
    row = written["versions"][0]
    assert row["commands"]["int8"]["build"] == list(commands(VERSIONS[0], "int8").build)
    assert set(row["dla_commands"]) == {"fp16"}
    assert [old["jetpack"] for old in written["refused"]] == ["4.6", "5.0"]
