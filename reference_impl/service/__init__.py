"""The HTTP service over the five credit systems. See README.md; ``create_app`` makes it."""

from service.app import create_app
from service.settings import Settings

__all__ = ["Settings", "create_app"]
