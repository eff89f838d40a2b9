"""Published networks by name, laid out as their own packages save them."""
