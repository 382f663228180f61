"""Figures: how fast, how often, how long. What a load measured, what it should be, and what changed."""
