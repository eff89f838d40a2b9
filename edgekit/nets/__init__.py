"""Torch modules that checkpoints are made of; needs the extra ``torch``."""
