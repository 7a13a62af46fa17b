"""Tests of `trafficguard.control`."""
