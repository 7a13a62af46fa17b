"""Tests of `trafficguard.telemetry`."""
