"""Races that nobody has to write: pairs, triples and programs of operations, on the target's fixtures."""
