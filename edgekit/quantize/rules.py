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
class LayerSizes:
    """Which layers are large enough for kernels in 8 bits.

    Attributes:
        channels: That a layer has on both sides, or ``multiple`` of them on one side and this many
            on the other, with a square kernel.
        multiple: What channels of a small layer, or of one in groups, come in.
        grouped_kernel: Smallest side of the kernel of a convolution in groups.
    """

    channels: int
    multiple: int
    grouped_kernel: int


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
        signed: Activations are signed and zero is the integer zero; scales are numbers that 16-bit
            floats hold. What reads an image gets it as signed integers too.
        inputs_only: Every node that runs in integers reads them from a pair of Q and DQ of its own
            input's encoding, moved or not; nothing is encoded after a node for its own sake.
        fused_sums: A layer takes the sum right behind it into its kernel: what it gives is not
            rounded in between. A sum with a constant is part of a layer already.
        float_biases: Biases stay floats.
        shielded: It rounds the weights of layers left in float behind integers, unless these have
            a scale per channel.
        sizes: Smaller layers stay in float; ``None`` leaves out none.
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
    signed: bool = False
    inputs_only: bool = False
    fused_sums: bool = False
    float_biases: bool = False
    shielded: bool = True
    sizes: LayerSizes | None = None


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

# Source: NVIDIA's guides to explicit quantization ("Working with Quantized Types"), where its own
# toolkits put Q and DQ (TensorRT Model Optimizer, ``graph_utils.find_nodes_from_convs_to_exclude``
# for sizes; yolov7_qat for sums and joins), and what its parser was seen to accept.
TENSORRT = RuntimeRules(
    weighted=frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"}),
    float_only=frozenset(),
    requantizing=frozenset({"Add", "Concat"}),
    same_encoding=ORT_X86.same_encoding,
    absorbed=frozenset(),
    rescaling=frozenset(),
    repeating=frozenset(),
    products=frozenset(),
    float_results=True,
    pairs="full",  # products are summed in 32 bits
    signed=True,
    inputs_only=True,
    fused_sums=True,
    float_biases=True,
    shielded=False,
    sizes=LayerSizes(channels=16, multiple=8, grouped_kernel=3),
)

RULES = {  # by a recipe's backend
    "onnxruntime": ORT_X86,
    "openvino": OPENVINO_X86,
    "tensorrt": TENSORRT,
}
