"""What was called, by whom, when, and what came back: one line per call, re-checkable by anyone."""
