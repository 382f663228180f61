"""Checks that need no overlap: audits of the books, lints of the code, contracts of single calls."""
