"""Crossfoot stress-tests and audits credit functions in PostgreSQL."""

from importlib.metadata import version

__version__ = version("crossfoot")
