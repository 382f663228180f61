"""Typed asyncpg clients of the five credit systems, and the one way in which they all retry."""
