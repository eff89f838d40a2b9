"""Networks of Darknet, from their sections and weights."""
