"""Predictions of OpenCV's own reader, which Darknet networks are held to."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


def image(side):
    """A picture of waves, the same every time."""
    wave = np.sin(np.arange(3 * side * side) * 0.013) / 2 + 0.5
    return wave.astype(np.float32).reshape(1, 3, side, side)


@torch.inference_mode()
def rows_beside(oracle, module, side):
    """What ``module`` predicts in the rows that ``oracle`` keeps, and what OpenCV does there."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.eps == 1e-5  # as in Darknet; OpenCV adds less
            part.eps = 1e-6
    rows = module.double()(torch.from_numpy(image(side)).double())[0].numpy()
    expected = np.array(oracle)
    return rows[expected[:, 0].astype(int)], expected[:, 1:]
