"""Rules about the source itself: who may name the compiler, and what counts as a kernel."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "trafficguard"
COUNTERS = PACKAGE / "counters"
COMPILER = {"numba", "llvmlite"}


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


def functions_of(source: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions of a file, the nested ones too."""
    nodes = ast.walk(ast.parse(source.read_text()))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it is decorated as a kernel and as nothing else."""
    decorators = function.decorator_list
    return len(decorators) == 1 and getattr(getattr(decorators[0], "func", None), "id", "") == "kernel"


def has_signature(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a kernel states its types."""
    call = function.decorator_list[0]
    return isinstance(call, ast.Call) and bool(call.args)


OF_KERNELS = sorted(
    source.name
    for source in COUNTERS.glob("*.py")
    if source.name != "jit.py" and any(map(is_kernel, functions_of(source)))
)
"""Files that hold kernels; `jit` defines what one is."""


def test_only_jit_names_the_compiler() -> None:
    naming = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if names_in(path) & COMPILER]
    assert naming == [Path("counters/jit.py")]


@pytest.mark.parametrize("name", OF_KERNELS)
def test_a_file_with_kernels_has_no_other_functions(name: str) -> None:
    assert [function.name for function in functions_of(COUNTERS / name) if not is_kernel(function)] == []


@pytest.mark.parametrize("name", OF_KERNELS)
def test_no_kernel_raises_or_reads_a_clock(name: str) -> None:
    source = COUNTERS / name
    assert not [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Raise | ast.Assert)]
    assert not names_in(source) & {"time", "datetime", "random", "os"}


def test_entry_kernels_are_exactly_those_with_a_signature() -> None:
    signed = {
        function.name for name in OF_KERNELS for function in functions_of(COUNTERS / name) if has_signature(function)
    }
    listed = next(
        node.value
        for node in ast.parse((COUNTERS / "kernels.py").read_text()).body
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "ENTRY_KERNELS"
    )
    assert isinstance(listed, ast.Tuple)
    assert {getattr(element, "id", "") for element in listed.elts} == signed
    assert len(listed.elts) == len(signed)


@pytest.mark.parametrize("module", ["layout", "slot", "cache_folder", "warm"])
def test_what_needs_no_compiler_can_be_imported_without_it(module: str) -> None:
    script = f"import sys, trafficguard.counters.{module}; print('numba' in sys.modules)"
    printed = subprocess.check_output([sys.executable, "-c", script], cwd=PACKAGE.parent, text=True)
    assert printed.strip() == "False"
