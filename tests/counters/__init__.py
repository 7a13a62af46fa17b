"""Tests of the counters. `naive` is the twin that is obviously right; `test_kernels` runs in three modes."""
