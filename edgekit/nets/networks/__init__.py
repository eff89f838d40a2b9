"""Networks wired from blocks."""
