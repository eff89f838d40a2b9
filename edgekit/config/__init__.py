"""Schemas of the YAML files and where they are found."""
