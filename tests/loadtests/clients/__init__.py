"""Tests of real clients in front of the sample shop."""
