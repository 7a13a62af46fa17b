"""Tests of `trafficguard.storage`."""
