"""Rules about the source itself: who may name the compiler, and what counts as a kernel."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from trafficguard.counters.kernels import ENTRY_KERNELS

PACKAGE = Path(__file__).parents[2] / "trafficguard"
COMPILER = {"numba", "llvmlite"}
KERNEL_FILES = sorted(
    source for source in (PACKAGE / "counters").glob("*.py") if source.stem != "jit" and "@kernel(" in source.read_text()
)


def names_in(source: Path) -> set[str]:
    """Top-level modules imported anywhere in a file, and every bare name used in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


def test_only_jit_names_the_compiler() -> None:
    naming = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if names_in(path) & COMPILER]
    assert naming == [Path("counters/jit.py")]


@pytest.mark.parametrize("source", KERNEL_FILES, ids=lambda source: source.name)
def test_every_function_among_the_kernels_is_a_kernel(source: Path) -> None:
    tree = ast.parse(source.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    plain = [function.name for function in functions if not _is_kernel(function)]
    assert functions
    assert plain == []


def test_all_files_that_hold_kernels_were_looked_at() -> None:
    assert {source.stem for source in KERNEL_FILES} >= {"hashing", "directory", "profile", "intake", "kernels"}


def test_entry_kernels_are_exactly_those_with_a_signature() -> None:
    signed = {
        node.name
        for source in KERNEL_FILES
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.FunctionDef) and _signature_of(node)
    }
    assert {entry.__name__ for entry in ENTRY_KERNELS} == signed


@pytest.mark.parametrize("module", ["counters", "counters.layout", "counters.slot", "counters.warm", "cli"])
def test_what_starts_before_the_workers_imports_no_compiler(module: str) -> None:
    modules = f"sys, trafficguard.{module}"
    script = f"import {modules}; print('numba' in sys.modules)"
    printed = subprocess.check_output([sys.executable, "-c", script], cwd=PACKAGE.parent, text=True)
    assert printed.strip() == "False"


def _is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = function.decorator_list
    return len(decorators) == 1 and getattr(getattr(decorators[0], "func", None), "id", "") == "kernel"


def _signature_of(function: ast.FunctionDef) -> bool:
    call = function.decorator_list[0]
    return isinstance(call, ast.Call) and bool(call.args)
