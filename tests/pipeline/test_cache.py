import numpy as np
import pytest

from edgekit.pipeline.cache import cached_importance, cached_statistics
from edgekit.values import Statistics, TensorStatistics

KEY = ("graph", "images")


def tensor(seed, channels):
    rng = np.random.default_rng(seed)
    low, high, moving_low, moving_high, limit = (float(v) for v in rng.normal(size=5))
    counts = rng.integers(0, 9, 16)
    per_channel = rng.normal(size=channels).astype(np.float32)
    ends = rng.normal(size=(2, 7)).astype(np.float32)
    return TensorStatistics(low, high, moving_low, moving_high, limit, counts, per_channel, *ends)


@pytest.fixture
def collect():
    """Something to collect, which counts how often it was asked."""

    class Collect:
        calls = 0
        result = Statistics({"a": tensor(1, 3), "b": tensor(2, 0), "c": tensor(3, 8)}, 7, "hash")

        def __call__(self):
            self.calls += 1
            return self.result

    return Collect()


def same(first, second):
    assert list(first.tensors) == list(second.tensors)
    assert (first.images, first.graph) == (second.images, second.graph)
    for name, one in first.tensors.items():
        for field, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(second.tensors[name], field), field)


def test_the_second_time_nothing_is_collected(tmp_path, collect):
    cached_statistics(tmp_path, KEY, collect)
    again = cached_statistics(tmp_path, KEY, collect)

    assert collect.calls == 1
    same(collect.result, again)


def test_another_key_is_collected_anew(tmp_path, collect):
    cached_statistics(tmp_path, KEY, collect)
    cached_statistics(tmp_path, ("graph", "other images"), collect)

    assert collect.calls == 2


def test_without_a_folder_nothing_is_kept(tmp_path, collect, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cached_statistics(None, KEY, collect)
    cached_statistics(None, KEY, collect)

    assert collect.calls == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 1, 40, 0.5, 0.99])
def test_a_damaged_file_is_collected_over(tmp_path, collect, keep):
    cached_statistics(tmp_path, KEY, collect)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    file.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])

    cached_statistics(tmp_path, KEY, collect)
    again = cached_statistics(tmp_path, KEY, collect)

    assert collect.calls == 2
    same(collect.result, again)


def test_changed_bytes_are_noticed(tmp_path, collect):
    cached_statistics(tmp_path, KEY, collect)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

    same(collect.result, cached_statistics(tmp_path, KEY, collect))


def test_a_file_of_another_layout_is_collected_over(tmp_path, collect):
    cached_statistics(tmp_path, KEY, collect)
    (file,) = tmp_path.iterdir()
    np.savez(file, names=np.array(["a"]))

    cached_statistics(tmp_path, KEY, collect)

    assert collect.calls == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_written_costs_only_the_cache(tmp_path, collect):
    (tmp_path / "file").write_text("a file")

    got = cached_statistics(tmp_path / "file/cache", KEY, collect)

    assert got is collect.result


@pytest.mark.parametrize("names", [("a", "layer/1"), ()])
def test_importance_is_found_once(tmp_path, names):
    rng = np.random.default_rng(0)
    found = {name: rng.normal(size=8).astype(np.float32) for name in names}
    calls = []

    def find():
        calls.append(1)
        return found

    for _ in range(2):
        again = cached_importance(tmp_path, KEY, find)

    assert len(calls) == 1
    assert list(again) == list(found)
    for name, weights in found.items():
        np.testing.assert_array_equal(again[name], weights)
