"""Ranges of every tensor from one streaming pass over images."""
