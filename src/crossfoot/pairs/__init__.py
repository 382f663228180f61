"""Races that nobody has to write: every pair of operations, on entities from the target's fixtures."""
