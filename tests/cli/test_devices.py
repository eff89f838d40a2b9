import json

from edgekit.config.device import list_devices


def test_every_device_is_listed_with_what_it_means_for_weights(edgekit):
    rows = {r["device"]: r for r in json.loads(edgekit("devices", "--json").stdout)}

    assert list(rows) == list(list_devices())
    weights = {name: row["weights"] for name, row in rows.items()}
    assert weights["generic-x86-avx2"] == "paired"
    assert weights["generic-x86-vnni"] == "full"
    assert rows["generic-nvidia-gpu"]["kind"] == "gpu"
    assert weights["generic-nvidia-gpu"] is None


def test_the_processors_of_a_device_are_those_a_target_can_run_on(edgekit):
    rows = {r["device"]: r for r in json.loads(edgekit("devices", "--json").stdout)}

    assert rows["intel-meteor-lake"]["parts"] == "cpu gpu npu"
    assert rows["intel-n100"]["parts"] == "cpu gpu"
    assert rows["host"]["parts"] == "cpu"
    assert rows["generic-nvidia-gpu"]["parts"] == "gpu"


def test_the_table_says_the_same(edgekit):
    ended = edgekit("devices")

    assert (ended.code, ended.stderr) == (0, "")
    assert all(name in ended.stdout for name in list_devices())
