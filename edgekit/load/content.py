"""What kind of model the first bytes of a file are of, whatever the file is called."""

from __future__ import annotations

from dataclasses import dataclass

_LARGEST_TABLE = 1 << 32
_LATEST_IR = 31  # ONNX is at 13
# A pickle begins with the version of its protocol; the two before version 2 said nothing.
_PICKLES = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
# What may follow the version in ONNX's message: names and versions, the graph, and opsets.
_ONNX_FIELDS = frozenset(b"\x12\x1a\x22\x28\x32\x3a\x42\x72")


@dataclass(frozen=True)
class ModelKind:
    """A kind of model file.

    Attributes:
        name: For a message, with its article.
        suffix: That its files end in.
    """

    name: str
    suffix: str

    @property
    def remedy(self) -> str:
        """What to do where a file of this kind is called by the name of another."""
        return f"Rename it to end in {self.suffix}."


ZIP = ModelKind("a zip archive, as PyTorch checkpoints are", ".pt")
PICKLE = ModelKind("a pickle, as older PyTorch checkpoints are", ".pt")
SAFETENSORS = ModelKind("a safetensors file", ".safetensors")
ONNX = ModelKind("an ONNX model", ".onnx")


def kind_of_content(start: bytes) -> ModelKind | None:
    """Return the kind of the file that begins with ``start``; ``None`` where it is none of them.

    Source:
        https://github.com/huggingface/safetensors, "Format": the size of the table, 64 bits, then
        the table, a JSON object. ONNX, ``onnx.proto``: ``ir_version`` is field 1 of the model.
    """
    if start.startswith(b"PK\x03\x04"):
        return ZIP
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") < _LARGEST_TABLE:
        return SAFETENSORS
    if start.startswith(_PICKLES):
        return PICKLE
    is_versioned = len(start) > 2 and start[0] == 8 and 0 < start[1] <= _LATEST_IR
    return ONNX if is_versioned and start[2] in _ONNX_FIELDS else None
