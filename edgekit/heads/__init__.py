"""The detection head: found by dataflow, decoded in NumPy."""
