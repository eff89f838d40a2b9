"""What stays in 32 bits although 16 exist for it, as data per runtime.

Source:
    Kernels of ONNX Runtime's CUDA provider: its ``docs/OperatorKernels.md``. Types of scales in
    TensorRT: the support matrix and the notes on strong typing of its releases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ScaleType = Literal["float32", "float16"]

LARGEST = 65504.0
SMALLEST_NORMAL = 2.0**-14


@dataclass(frozen=True)
class HalfRules:
    """How a runtime wants a network in 16-bit floats.

    Attributes:
        accumulating: Operators that sum, or take powers, over more values than 16 bits can tell
            apart.
        moving: Operators that hand values on unchanged; rounding before them or after them gives
            the same, so that they may run on either side of a cast.
        float_only: Operators the runtime has no 16-bit kernel for.
        scales: Type of the scales of quantize and dequantize nodes. With ``float32`` everything
            between such nodes stays in 32 bits, for runtimes that choose precision themselves
            (TensorRT up to 10.11); ``float16`` is what strongly typed networks need, from opset 19.
        headroom: How many times the largest value seen has to fit below 65504.
        weight_error: Largest part of a constant that rounding may take, in the Euclidean norm.
    """

    accumulating: frozenset[str]
    moving: frozenset[str]
    float_only: frozenset[str]
    scales: ScaleType
    headroom: float = 2.0
    weight_error: float = 0.01


_ACCUMULATING = frozenset(
    {
        "CumSum",
        "Exp",
        "GroupNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "LogSoftmax",
        "LpNormalization",
        "MeanVarianceNormalization",
        "RMSNormalization",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
        "ReduceMean",
        "ReduceProd",
        "ReduceSum",
        "ReduceSumSquare",
        "Softmax",
    }
)
MOVING = frozenset(
    {
        "Concat",
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "MaxPool",
        "Relu",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    }
)

ORT_CUDA = HalfRules(
    accumulating=_ACCUMULATING,
    moving=MOVING,
    float_only=frozenset({"GridSample", "RoiAlign"}),
    scales="float32",
)
TENSORRT_WEAK = HalfRules(
    accumulating=_ACCUMULATING, moving=MOVING, float_only=frozenset(), scales="float32"
)
# Integers become floats of either kind: those their readers want, lest a cast stand in between.
TENSORRT_STRONG = HalfRules(
    accumulating=_ACCUMULATING,
    moving=MOVING | {"DequantizeLinear"},
    float_only=frozenset(),
    scales="float16",
)
