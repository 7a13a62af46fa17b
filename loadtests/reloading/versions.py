"""Versions of a policy that can be told apart by what they do to every request.

Promises: every request is labelled by the first and by the last rule of the version that judges it. Never: blocks.
"""

from __future__ import annotations

import json
from pathlib import Path

from loadtests.rules import operator_rules

BROKEN = "rules:\n- name: broken\n  when: path.startsWith('/a'\n  action: block\n"
"""A policy that cannot be used."""


def labels(version: int) -> bytes:
    """What X-Bot-Labels must hold of a version, beside the labels of the request itself."""
    return f"first-{version}, last-{version}".encode()


def write(file: Path, version: int, rules: int) -> None:
    """Writes a version with as many rules, at once."""
    middle = operator_rules(rules - 2)
    policy = {
        "version": 1,
        "name": f"version-{version}",
        "rules": [
            {"name": "first", "when": 'host != ""', "weigh": 0, "label": f"first-{version}"},
            *middle,
            {"name": "last", "when": 'host != ""', "weigh": 0, "label": f"last-{version}"},
        ],
    }
    replace(file, json.dumps(policy))  # JSON is YAML


def replace(file: Path, text: str) -> None:
    """Puts a text into the place of a file, at once."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
