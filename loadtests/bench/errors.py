"""The one error of the benchmark: a sentence for the person who runs it.

Promises: the message names the remedy where there is one. Never: wraps a defect of the benchmark itself.
"""

from __future__ import annotations


class BenchError(Exception):
    """Something outside the benchmark's code is wrong: a program is missing, a target does not answer."""
