"""What a run concluded, for people and for machines: HTML, Markdown, JUnit, JSON."""

from crossfoot.report.files import FORMATS, load_run, render, write_report

__all__ = ["FORMATS", "load_run", "render", "write_report"]
