"""Files as mapped memory, and what a file that is no checkpoint seems to be."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from edgekit.errors import ModelError
from edgekit.load.content import kind_of_content

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the real file with 'git lfs pull'."),
    (b"<", "a web page or XML", "Download the file itself."),
    (b"\x1f\x8b", "a gzip file", "Unpack it first."),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it first."),
    (b"\x89HDF", "an HDF5 file, as Keras writes them", "Export the model to ONNX."),
)
_TEXT = bytes(range(32, 127)) + b"\t\r\n"


def map_file(path: Path) -> mmap.mmap:
    """Return the bytes of the file at ``path``; none is read before it is looked at.

    The mapping lives as long as an array made from it.

    Raises:
        ModelError: There is no file, it is empty or unreadable; the message has no path.
    """
    if path.is_dir():
        raise ModelError("expected a file, found a folder. Name the file in it.")
    if path.exists() and not path.is_file():  # opening a pipe would wait for ever
        raise ModelError("expected a file, found a pipe or a device. Copy it to a file.")
    try:
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as err:
        raise ModelError("expected a file, found nothing there. Check the path.") from err
    except OSError as err:
        raise ModelError(
            f"expected a readable file, found: {err.strerror}. Check its permissions."
        ) from err
    except ValueError as err:
        raise ModelError("expected a file, found 0 bytes. Copy or save it again.") from err


def no_checkpoint(data: bytes | mmap.mmap, expected: str = "a PyTorch checkpoint") -> ModelError:
    """Return the error for a file that is not ``expected``, named for what it seems to be."""
    head = data[:512]
    found, remedy = "bytes that are none", "Name the right file, or copy it again."
    if other := kind_of_content(head):
        found, remedy = other.name, other.remedy
    for magic, kind, advice in _KINDS:
        if head.lstrip().startswith(magic):
            found, remedy = kind, advice
    if found == "bytes that are none" and not head.translate(None, _TEXT):
        found = "a text file"
    return ModelError(f"expected {expected}, found {found} ({len(data)} bytes). {remedy}")
