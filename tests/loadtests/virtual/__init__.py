"""Tests of running them in virtual time."""
