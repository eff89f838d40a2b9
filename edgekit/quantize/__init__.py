"""Where a network is quantized, and the Q/DQ nodes that say so."""
