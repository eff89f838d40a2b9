"""Gradients of a network's values, as a graph that any runtime runs."""
