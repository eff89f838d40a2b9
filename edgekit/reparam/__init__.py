"""Structural rewrites that leave what a network computes as it was."""
