"""Test material of our own: recorded or written inputs, each with what must come of it."""
