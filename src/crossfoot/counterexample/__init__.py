"""A counterexample for people: named, explained, drawn, kept, shown by hand, and what would prevent it."""
