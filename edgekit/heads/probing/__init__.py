"""Learn what a graph's decode computes by running it on values of our choice."""
