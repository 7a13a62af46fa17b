"""The compiler, kept in one place: the `kernel` decorator, its cache, and the atomic operations.

Promises: no other file names numba. An entry kernel states its signature and is compiled, or loaded from the
cache, when its module is imported, and never again. A missing, foreign, broken or read-only cache costs time
and changes nothing else. With NUMBA_DISABLE_JIT=1 the same functions run as plain Python, in a single process
only, because the plain twins of the atomic operations are not atomic. Never: fastmath, threads, or code from
a folder that others can write to (`cache_folder`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numpy as np
import numpy.typing as npt

from trafficguard.counters.cache_folder import CacheChoice, choose_cache_folder

if TYPE_CHECKING:
    # How much of itself numba annotates differs between the releases that we allow.
    numba: Any
    binding: Any
    caching: Any
    cgutils: Any
    extending: Any
    types: Any
else:
    import numba
    from llvmlite import binding
    from numba import extending, types
    from numba.core import caching, cgutils

Words = npt.NDArray[np.uint64]
Function = TypeVar("Function", bound=Callable[..., Any])

_FLAGS: Final = {"nogil": True, "error_model": "numpy"}
"""The numpy error model divides without raising; everything that could raise is kept out of kernels."""


def jit_is_on() -> bool:
    """Whether kernels are compiled, rather than run as plain Python."""
    return not numba.config.DISABLE_JIT


def _compiler() -> str:
    """Bounds checks are part of the name, because the compiler's own index does not tell them apart."""
    processor = numba.config.CPU_NAME or binding.get_host_cpu_name()
    return f"numba {numba.__version__} {processor} bounds={numba.config.BOUNDSCHECK}"


def _choose() -> CacheChoice:
    if not jit_is_on():
        return CacheChoice(None, "nothing is compiled")
    return choose_cache_folder(os.environ, _compiler())


CACHE: Final = _choose()
"""Chosen once, before any kernel is decorated."""


# ---- the decorator


class _OurFolder(caching._CacheLocator):  # type: ignore[misc]  # numba carries no types
    """Names the folder chosen above. Unlike numba's own, it does not insist that the folder be writable."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._line = function.__code__.co_firstlineno

    def ensure_cache_path(self) -> None:
        """The folder was made and checked when it was chosen."""

    def get_cache_path(self) -> str:
        return str(CACHE.folder)

    def get_source_stamp(self) -> str:
        """The folder is named by a digest of the sources, so there is nothing left to tell apart."""
        return ""

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], _source: str) -> _OurFolder:
        return cls(function)


class _InOurFolder(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_OurFolder,)


class _TolerantCache(caching.FunctionCache):  # type: ignore[misc]
    """A cache that cannot be read is an empty one, and one that cannot be written stays as it is."""

    _impl_class = _InOurFolder

    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        with contextlib.suppress(Exception):
            yield


def kernel(signature: str | None = None) -> Callable[[Function], Function]:
    """Compiles a function without Python objects and without the interpreter lock.

    With a signature it is an entry kernel: compiled at once for exactly these types, and cached. Without one
    it is a helper, compiled into the kernels that call it.
    """

    def decorate(function: Function) -> Function:
        if not jit_is_on():
            # Compiled 64-bit arithmetic wraps in silence, so its twin does.
            return np.errstate(over="ignore")(function)
        compiled = numba.njit(**_FLAGS)(function)
        if signature is not None:
            if CACHE.folder is not None:
                compiled._cache = _TolerantCache(function)
            compiled.compile(signature)
            compiled.disable_compile()
        return cast("Function", compiled)

    return decorate


def signature_count(entry: Callable[..., Any]) -> int:
    """How many versions of a kernel have been compiled; 0 for plain Python."""
    return len(getattr(entry, "signatures", ()))


def python_twin(entry: Function) -> Function:
    """The plain Python function behind a kernel."""
    return cast("Function", getattr(entry, "py_func", entry))


# ---- atomic operations on one word of an array: how each is emitted

_WHOLE: Final = "seq_cst"
"""Read-modify-write operations are totally ordered; on x86-64 every one of them is anyway."""


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """The address of `words[index]`, checked where bounds are checked."""
    array_type, (array, index) = signature.args[0], arguments[:2]
    opened = context.make_array(array_type)(context, builder, array)
    check = context.enable_boundscheck
    return cgutils.get_item_pointer(context, builder, array_type, opened, [index], boundscheck=check)


def _intrinsic(typed: Callable[..., Any]) -> Any:
    return extending.intrinsic(typed)


@_intrinsic
def _add(_typing: Any, words: Any, index: Any, amount: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("add", pointer, arguments[2], _WHOLE)

    return types.uint64(words, index, amount), emit


@_intrinsic
def _exchange(_typing: Any, words: Any, index: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("xchg", pointer, arguments[2], _WHOLE)

    return types.uint64(words, index, value), emit


@_intrinsic
def _compare_and_swap(_typing: Any, words: Any, index: Any, expected: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        outcome = builder.cmpxchg(pointer, arguments[2], arguments[3], _WHOLE)
        return builder.extract_value(outcome, 0)

    return types.uint64(words, index, expected, value), emit


@_intrinsic
def _load(_typing: Any, words: Any, index: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "acquire", 8)

    return types.uint64(words, index), emit


@_intrinsic
def _store(_typing: Any, words: Any, index: Any, value: Any) -> Any:
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(words, index, value), emit


# ---- atomic operations as kernels call them, and their plain twins for a single process

if jit_is_on():

    @kernel()
    def atomic_add(words: Words, index: np.uint64, amount: np.uint64) -> np.uint64:
        """Adds to a word, wrapping; returns what it held before."""
        held: np.uint64 = _add(words, index, amount)
        return held

    @kernel()
    def atomic_exchange(words: Words, index: np.uint64, value: np.uint64) -> np.uint64:
        """Replaces a word; returns what it held before."""
        held: np.uint64 = _exchange(words, index, value)
        return held

    @kernel()
    def compare_and_swap(words: Words, index: np.uint64, expected: np.uint64, value: np.uint64) -> np.uint64:
        """Replaces a word if it holds `expected`; returns what it held before, which tells whether it did."""
        held: np.uint64 = _compare_and_swap(words, index, expected, value)
        return held

    @kernel()
    def load_acquire(words: Words, index: np.uint64) -> np.uint64:
        """Reads a word; whatever was written before it was published is seen after."""
        held: np.uint64 = _load(words, index)
        return held

    @kernel()
    def store_release(words: Words, index: np.uint64, value: np.uint64) -> None:
        """Writes a word; whoever reads it sees everything that was written before."""
        _store(words, index, value)

else:

    def atomic_add(words: Words, index: np.uint64, amount: np.uint64) -> np.uint64:
        """The plain twin of the kernel."""
        held: np.uint64 = words[index]
        words[index] = held + amount
        return held

    def atomic_exchange(words: Words, index: np.uint64, value: np.uint64) -> np.uint64:
        """The plain twin of the kernel."""
        held: np.uint64 = words[index]
        words[index] = value
        return held

    def compare_and_swap(words: Words, index: np.uint64, expected: np.uint64, value: np.uint64) -> np.uint64:
        """The plain twin of the kernel."""
        held: np.uint64 = words[index]
        if held == expected:
            words[index] = value
        return held

    def load_acquire(words: Words, index: np.uint64) -> np.uint64:
        """The plain twin of the kernel."""
        held: np.uint64 = words[index]
        return held

    def store_release(words: Words, index: np.uint64, value: np.uint64) -> None:
        """The plain twin of the kernel."""
        words[index] = value
