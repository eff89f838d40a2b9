import os

import pytest

from edgekit.errors import ModelError
from edgekit.load.checkpoint.mapped import map_file, no_checkpoint


def test_a_file_is_mapped_whole(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"abc")

    assert map_file(path)[:] == b"abc"


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "found nothing there"),
        (lambda path: path.mkdir(), "found a folder"),
        (lambda path: path.write_bytes(b""), "found 0 bytes"),
        (lambda path: path.symlink_to("nowhere"), "found nothing there"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path, make, found):
    path = tmp_path / "a.pt"
    make(path)

    with pytest.raises(ModelError, match=found):
        map_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "a.pt")

    with pytest.raises(ModelError, match="found a pipe or a device"):
        map_file(tmp_path / "a.pt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_file_one_may_not_read_is_refused(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"abc")
    path.chmod(0)

    with pytest.raises(ModelError, match="Check its permissions"):
        map_file(path)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\n <!DOCTYPE html>", "a web page"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x08\x07\x12\x07pytorch", r"an ONNX model.*Rename it to end in \.onnx"),
        (b"\x80\x02\0\0\0\0\0\0{", r"a safetensors file.*Rename it to end in \.safetensors"),
        (b"[net]\nbatch=1\n", "a text file"),
        (b"\x00\x01\x02", r"bytes that are none \(3 bytes\)"),
    ],
)
def test_what_is_no_checkpoint_is_named_for_what_it_seems_to_be(data, found):
    assert no_checkpoint(data).args[0].startswith("expected a PyTorch checkpoint, found ")
    with pytest.raises(ModelError, match=found):
        raise no_checkpoint(data)
