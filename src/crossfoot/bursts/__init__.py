"""Bursts: many callers, one instant; what each was told, proof that they overlapped, and the books."""
