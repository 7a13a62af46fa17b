"""Tests of `trafficguard.http`."""
