"""Tests of the sample shop, one file for each of its own."""
