"""Graphs made plain: simplified, cut at the head, given u8 images."""
