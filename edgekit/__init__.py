"""edgekit: the fastest model that keeps a trained detector's accuracy on its device, with proof."""

__version__ = "0.1.0"
