"""Tests of scenarios and their runners."""
