"""The JSON schema of report.json, taken from the model. ``python -m crossfoot.report.schema``."""

from __future__ import annotations

import json
import sys
from typing import Any

from crossfoot.results import SCHEMA_VERSION, Run


def report_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) that every report.json of this version satisfies."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:crossfoot:report:{SCHEMA_VERSION}",
    } | Run.model_json_schema(mode="serialization")


def schema_text() -> str:
    """Return the schema as ``reports/report.schema.json`` holds it."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
