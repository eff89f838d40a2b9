"""Accuracy and latency, as measured."""
