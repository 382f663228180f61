"""The command ``crossfoot``."""

from crossfoot.cli.app import main

__all__ = ["main"]
