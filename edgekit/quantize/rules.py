"""What a runtime runs in INT8, as data.

Source: ONNX Runtime's QDQ selectors (``qdq_selector_action_transformer``) and what its optimized
graphs were seen to hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgekit.values import WeightRule


@dataclass(frozen=True)
class RuntimeRules:
    """Operators by the way a runtime quantizes them.

    Attributes:
        weighted: Have a constant weight; quantized wherever they stand outside the decode part.
        float_only: Have a constant weight and no kernel in 8 bits.
        requantizing: Read and write encodings of their own; quantized beside a quantized node.
        same_encoding: Move values without computing; their output has their input's encoding.
        absorbed: Activations that vanish into the encoding of the output they clip.
        rescaling: With a positive scalar constant, their output is their input's integers on
            another scale: nothing is computed.
        repeating: Where these repeat rows and columns whole, copies of integers are faster than
            the runtime's kernel.
        products: Where these multiply every pixel with one matrix, they may read integers and give
            floats.
        float_results: What is computed leaves a layer in float, and what a layer reads is encoded:
            activations, in between, are never rounded, and what is joined has one encoding. Else
            each result is encoded at once.
        pairs: The weights that are exact where two products are summed in 16 bits.
    """

    weighted: frozenset[str]
    float_only: frozenset[str]
    requantizing: frozenset[str]
    same_encoding: frozenset[str]
    absorbed: frozenset[str]
    rescaling: frozenset[str]
    repeating: frozenset[str]
    products: frozenset[str]
    float_results: bool = False
    pairs: WeightRule = "paired"


ORT_X86 = RuntimeRules(
    weighted=frozenset({"Conv", "Gemm", "MatMul"}),
    float_only=frozenset({"ConvTranspose"}),
    requantizing=frozenset(
        {"Add", "AveragePool", "Concat", "GlobalAveragePool", "LeakyRelu", "Mul", "Sigmoid"}
    ),
    same_encoding=frozenset(
        {
            "Flatten",
            "MaxPool",
            "Reshape",
            "Resize",
            "Slice",
            "Split",
            "Squeeze",
            "Transpose",
            "Unsqueeze",
        }
    ),
    absorbed=frozenset({"Clip", "Relu"}),
    rescaling=frozenset({"Div", "Mul"}),
    repeating=frozenset({"Resize"}),
    products=frozenset({"Conv"}),
)

# Source: OpenVINO's low-precision transformations, and the graphs that its CPU device was seen to
# run: dequantization, bias, activation and the next quantization are one kernel with a layer.
OPENVINO_X86 = RuntimeRules(
    weighted=frozenset({"Conv", "Gemm", "MatMul"}),
    float_only=frozenset({"ConvTranspose"}),
    requantizing=frozenset({"Add", "AveragePool", "Concat"}),
    same_encoding=ORT_X86.same_encoding,
    absorbed=frozenset(),
    rescaling=frozenset(),
    repeating=frozenset(),
    products=frozenset(),
    float_results=True,
    pairs="paired-channels",
)

RULES = {"onnxruntime": ORT_X86, "openvino": OPENVINO_X86}  # by a recipe's backend
