"""The explorer: every interleaving of the statements inside stored functions, one after another."""
