import hashlib
import pickletools
import subprocess
import sys
import time
import zipfile

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgekit.errors import ModelError
from edgekit.load.checkpoint.machine import MAX_STEPS
from edgekit.load.checkpoint.read import read_checkpoint, read_safetensors
from edgekit.load.checkpoint.state import find_state
from tests.load.checkpoint.files import checkpoint, dict_of, legacy, plain, tensor, tensors_file

ONE = {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}


@pytest.mark.parametrize("make", [checkpoint, legacy])
def test_a_checkpoint_of_either_form_is_its_content_and_its_hash(tmp_path, make):
    path = tmp_path / "a.pt"
    path.write_bytes(make(dict_of(model=tensor(), epoch=plain(3))))

    found = read_checkpoint(path)

    assert found.path == path
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.content["epoch"] == 3
    assert found.content["model"].tolist() == [1, 2, 3, 4]


def test_safetensors_are_a_dict_of_arrays(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(tensors_file(ONE))

    assert read_safetensors(path).content["a"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("read", [read_checkpoint, read_safetensors])
def test_a_refusal_begins_with_the_file(tmp_path, read):
    path = tmp_path / "a.pt"
    path.write_bytes(b"nothing of the kind")

    with pytest.raises(ModelError, match=rf"^Cannot load '{path}': expected"):
        read(path)


def test_weights_outlive_everything_they_were_read_through(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(checkpoint(tensor()))

    array = read_checkpoint(path).content
    path.unlink()

    assert array.tolist() == [1, 2, 3, 4]


def test_reading_needs_no_torch(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(checkpoint(dict_of(weight=tensor())))
    code = """if True:
        import sys
        from pathlib import Path
        from edgekit.load.checkpoint.read import read_checkpoint
        from edgekit.load.checkpoint.state import find_state
        print(*find_state(read_checkpoint(Path(sys.argv[1]))).arrays)
        print(sorted({"torch", "safetensors", "edgekit.nets", "onnx"} & sys.modules.keys()))
    """

    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split("\n")[:2] == ["weight", "[]"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "exported", "count"),
    [
        ("yolov5n", "yolov5n", 350),
        ("yolov8n", "yolov8n_unfused", 355),
        ("yolov10s", "yolov10s_e2e_unfused", 619),
    ],
)
def test_real_checkpoints_hold_the_weights_of_their_exports(data_dir, name, exported, count):
    start = time.process_time()
    found = find_state(read_checkpoint(data_dir / "models" / f"{name}.pt"))
    took = time.process_time() - start

    assert took < 5
    assert len(found.arrays) == count
    known = {a.astype(np.float32).tobytes() for a in found.arrays.values() if a.ndim}
    graph = onnx.load(data_dir / "models" / f"{exported}.onnx").graph
    weights = [numpy_helper.to_array(one) for one in graph.initializer]
    convolutions = [w for w in weights if w.ndim == 4 and w.dtype == np.float32]
    same = [w for w in convolutions if w.tobytes() in known]
    assert len(convolutions) > 50
    # the exporter folded batch normalization into those of yolov5n that have one
    assert len(same) == (3 if name == "yolov5n" else len(convolutions))


@pytest.mark.data
@pytest.mark.parametrize("name", ["yolov5n", "yolov8n", "yolov10s"])
def test_real_checkpoints_equal_what_torch_reads_of_their_storages(data_dir, name):
    torch = pytest.importorskip("torch")
    path = data_dir / "models" / f"{name}.pt"
    reader = torch._C.PyTorchFileReader(str(path))
    sizes = {n: reader.get_record(n) for n in reader.get_all_records() if "data/" in n}

    arrays = find_state(read_checkpoint(path)).arrays

    stored = {bytes(data) for data in sizes.values()}
    assert all(array.tobytes() in stored for array in arrays.values())


@pytest.mark.data
def test_the_largest_real_checkpoint_needs_an_eighth_of_the_steps_allowed(data_dir):
    with zipfile.ZipFile(data_dir / "models" / "yolov10s.pt") as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
        steps = sum(1 for _ in pickletools.genops(archive.read(name)))

    assert steps == 67_161
    assert 8 * steps < MAX_STEPS


def test_a_file_called_by_the_name_of_another_kind_is_to_be_renamed(tmp_path):
    (tmp_path / "zip.safetensors").write_bytes(b"PK\x03\x04" + bytes(40))
    (tmp_path / "table.pt").write_bytes(b"\x80\x02" + bytes(6) + b'{"a":{}}')

    with pytest.raises(ModelError, match=r"safetensors': .*a zip archive.*Rename it .* \.pt\."):
        read_safetensors(tmp_path / "zip.safetensors")
    with pytest.raises(ModelError, match=r"found a safetensors file.*Rename it .* \.safetensors\."):
        read_checkpoint(tmp_path / "table.pt")
