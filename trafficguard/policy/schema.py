"""The JSON Schema of policy files, for editors that complete and check while one types.

Made from the model that reads policy files, its field docstrings and the tables of facts and signals, so that no second
list of settings exists.

Promises: what a reader takes, the schema takes. Never: refuses as finely as the reader does (conditions are text here).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from trafficguard.policy.facts import FIELDS
from trafficguard.policy.model import ActionSettings, PolicyFile, parse_condition, parse_name, spell_out
from trafficguard.policy.overrides import SIGNALS
from trafficguard.values import parse_count, parse_duration, parse_host, parse_number, parse_size

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_WORDS: Final = [field.alias or name for name, field in ActionSettings.model_fields.items()]


def _text_or(kind: str, *examples: str) -> JsonSchemaValue:
    return {"type": [kind, "string"], "examples": list(examples)} if examples else {"type": [kind, "string"]}


_SHAPES: Final[dict[Callable[..., Any], JsonSchemaValue]] = {
    parse_duration: _text_or("number", "250ms", "10s", "5m", "1h"),
    parse_size: _text_or("integer", "512", "32KiB", "64MiB"),
    parse_count: {"type": "integer"},
    parse_number: {"type": "number"},
    parse_host: {"type": "string"},
    parse_name: {"type": ["string", "integer"], "pattern": "^[a-z0-9]+([._-][a-z0-9]+)*$", "maxLength": 64},
    parse_condition: {"type": ["string", "boolean"]},
}
"""How a value may be written that a parser of ours reads."""


class _Generator(GenerateJsonSchema):
    """Pydantic's schema, with what our own parsers take beside plain JSON."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """The shape of what one of our parsers takes, with the bounds that follow."""
        parser = schema["function"]["function"]
        if parser is spell_out:
            return {"anyOf": [{"enum": _WORDS}, self.generate_inner(schema["schema"])]}
        shape = _SHAPES.get(parser)
        if shape is None:
            return super().function_before_schema(schema)
        return dict(shape)


def json_schema() -> dict[str, Any]:
    """The schema of a whole policy file."""
    made = PolicyFile.model_json_schema(by_alias=True, schema_generator=_Generator)
    made["properties"]["signals"]["propertyNames"] = {"enum": list(SIGNALS)}
    fields = "; ".join(f"{name} ({fact.kind.value}): {fact.text}" for name, fact in FIELDS.items())
    for group in ("RuleSettings", "ThresholdSettings"):
        made["$defs"][group]["properties"]["when"]["description"] += f" Fields: {fields}."
    made["$defs"]["ActionSettings"] |= {"minProperties": 1, "maxProperties": 1}
    return {"$schema": DIALECT, "title": "TrafficGuard policy", **_tidied(made)}


_BOUNDS: Final = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum"}
"""What pydantic calls bounds behind a parser of ours, and what JSON Schema calls them."""


def _tidied(schema: Any) -> Any:
    """`schema` with bounds by their names, and without titles that only repeat the names of settings."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        _BOUNDS.get(name, name): _tidied(value)
        for name, value in schema.items()
        if not (name == "title" and isinstance(value, str))
    }
