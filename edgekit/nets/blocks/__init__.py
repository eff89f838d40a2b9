"""Blocks that networks are made of, under the names of their state dictionaries."""
