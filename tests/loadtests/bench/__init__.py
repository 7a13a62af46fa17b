"""Tests of the benchmark: its arithmetic and texts; no test measures a proxy."""
