import json


def test_devices_are_ranked_for_a_model_and_marked_as_estimates(edgekit, tiny):
    ended = edgekit("devices", "--model", tiny.model)

    assert ended.code == 0
    lines = ended.stdout.splitlines()
    assert "estimated ms" in lines[0]
    assert any(line.startswith("jetson-orin-nx-16gb ") for line in lines)
    assert any(line.startswith("host*") for line in lines)
    assert "All of these are estimates; nothing was run." in ended.stdout
    assert "tensorrt-gpu: fitted to" in ended.stdout
    assert "generic-nvidia-gpu" in ended.stderr


def test_one_device_is_shown_in_every_figure(edgekit, tiny):
    ended = edgekit(
        *("devices", "--model", tiny.model, "--device", "intel-lunar-lake", "--json"),
        *("--precision", "int8"),
    )

    rows = json.loads(ended.stdout)
    assert {row["part"] for row in rows} == {"cpu", "gpu", "npu"}
    assert {row["device"] for row in rows} == {"intel-lunar-lake"}
    assert {(row["status"], row["precision"]) for row in rows} == {("estimated", "int8")}
    for row in rows:
        assert row["low_ms"] < row["ms"] < row["high_ms"]
        assert row["bound"] in {"compute", "memory"}
        assert set(row["shares"]) == {"compute", "memory", "overhead"}
        assert row["fitted_on"]


def test_the_slowest_layers_of_a_device_name_their_bound(edgekit, tiny):
    ask = ("devices", "--model", tiny.model, "--device", "raspberry-pi-4", "--layers", "3")
    shown, read = edgekit(*ask), edgekit(*ask, "--json")

    assert "estimated" in shown.stdout.splitlines()[0]
    rows = json.loads(read.stdout)
    assert len(rows) == 3
    assert [row["ms"] for row in rows] == sorted((row["ms"] for row in rows), reverse=True)
    assert {row["bound"] for row in rows} <= {"compute", "memory"}


def test_doubts_of_one_device_are_told_in_words(edgekit, tiny):
    ended = edgekit("devices", "--model", tiny.model, "--device", "rock-5", "--precision", "fp32")

    assert "* Radxa ROCK 5 (RK3588), ncnn on its cpu: " in ended.stdout
    assert "unverified: " in ended.stdout


def test_flags_of_a_model_need_one(edgekit):
    for flags in (["--precision", "int8"], ["--device", "host"], ["--layers", "3"]):
        assert edgekit("devices", *flags).code == 2


def test_layers_need_a_device(edgekit, tiny):
    ended = edgekit("devices", "--model", tiny.model, "--layers", "3")

    assert ended.code == 2
    assert "--device" in ended.stderr
