"""Tests of where settings come from."""
