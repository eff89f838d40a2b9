"""What a network would take on a device nobody has at hand: a roofline, fitted and marked so."""
