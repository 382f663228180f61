"""Histories: what was called, by whom, when, and what came back; and what can be concluded from it."""
