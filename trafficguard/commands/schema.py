"""`trafficguard schema`: the JSON Schema of policy files, as in config/policy.schema.json.

Promises: JSON that ends with a line break. Never: reads a policy.
"""

from __future__ import annotations

import json

from trafficguard.policy.schema import json_schema


def as_text() -> str:
    """The schema as a file holds it."""
    return json.dumps(json_schema(), indent=2) + "\n"
