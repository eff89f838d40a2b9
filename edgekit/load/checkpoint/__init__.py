"""PyTorch checkpoints and safetensors as data: nothing in the file is imported, called or run."""
