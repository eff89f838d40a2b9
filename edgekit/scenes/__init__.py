"""Labelled scenes drawn from scikit-learn's bundled digits and photographs."""
