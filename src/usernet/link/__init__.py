"""Devices: the edges of a stack, and what stands in for what a wire lacks or adds."""
