"""TensorRT: what each version takes, and the bundle that builds and measures on a board."""
