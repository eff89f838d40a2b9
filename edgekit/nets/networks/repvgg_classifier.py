"""RepVGG as it is trained on ImageNet: what detectors take as their backbone."""

from __future__ import annotations

from torch import Tensor, nn


class RepVggClassifier(nn.Module):
    """Image ``(N, 3, H, W)`` to logits ``(N, K)``; ``features`` gives the maps a neck reads.

    It takes pixels in 0..1 less ImageNet's mean, over its deviation.

    Source:
        Ding et al., "RepVGG: Making VGG-style ConvNets Great Again" (CVPR 2021), section 3.4.
    """

    stage1: nn.Sequential
    stage2: nn.Sequential
    stage3: nn.Sequential
    stage4: nn.Sequential

    def __init__(self, stage0: nn.Module, linear: nn.Linear, **stages: nn.Sequential) -> None:
        """Take the first layer, the classifier, and ``stage1`` to ``stage4``."""
        super().__init__()
        self.stage0 = stage0
        for name, stage in stages.items():
            self.add_module(name, stage)
        self.linear = linear

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of all classes."""
        pooled = nn.functional.adaptive_avg_pool2d(self.features(image)[-1], 1)
        logits: Tensor = self.linear(pooled.flatten(1))
        return logits

    def features(self, image: Tensor) -> list[Tensor]:
        """Return the maps at strides 8, 16 and 32."""
        x = self.stage1(self.stage0(image))
        maps = []
        for stage in (self.stage2, self.stage3, self.stage4):
            x = stage(x)
            maps.append(x)
        return maps
