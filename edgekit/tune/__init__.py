"""What a network loses where, and which of its layers to keep in float for it."""
