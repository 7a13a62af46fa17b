"""The names and shapes of all settings, read off the `Settings` class so that no second list of them exists.

Promises: what it returns follows `settings.py` without being told. Never: reads or checks a value.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from trafficguard.settings import Settings
from trafficguard.values import Steps


def scalar_settings() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Every setting that one line of text can give, as its path and whether it is a list."""
    yield from _scalars(Settings, ())


def _scalars(group: type[BaseModel], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], bool]]:
    for name, field in group.model_fields.items():
        shape = _bare(field.annotation)
        if _is_group(shape):
            yield from _scalars(shape, (*above, name))
        elif get_origin(shape) is not list:
            yield (*above, name), False
        elif not _is_group(_bare(get_args(shape)[0])):
            yield (*above, name), True


def names_in(group: type[BaseModel]) -> list[str]:
    """The settings of a group as people write them."""
    return [field.alias or name for name, field in group.model_fields.items()]


def group_at(steps: Steps, root: type[BaseModel] = Settings) -> type[BaseModel] | None:
    """The class of the group of settings at `steps` below `root`; None where there is no group."""
    shape: Any = root
    for step in steps:
        if isinstance(step, int):
            shape = get_args(shape)[0] if get_origin(shape) is list else None
        elif get_origin(shape) is dict:
            shape = get_args(shape)[1]
        else:
            shape = _fields(shape).get(step) if _is_group(shape) else None
        shape = _bare(shape)
    return shape if _is_group(shape) else None


def _fields(group: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in group.model_fields.items()}


def _bare(shape: Any) -> Any:
    """`shape` without what pydantic adds (Annotated) and without `| None`."""
    while True:
        if hasattr(shape, "__metadata__"):
            shape = get_args(shape)[0]
            continue
        rest = [part for part in get_args(shape) if part is not types.NoneType]
        if get_origin(shape) not in (types.UnionType, Union) or len(rest) != 1:
            return shape
        shape = rest[0]


def _is_group(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)
