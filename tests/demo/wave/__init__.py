"""Tests of the crowd that the demo lets loose."""
