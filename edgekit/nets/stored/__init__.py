"""Whole models as checkpoints store them, made into modules of ours."""
