"""Image files and data sets, and what a network sees of them."""
