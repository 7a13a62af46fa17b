"""The tests, laid out like the package: `tests/<folder>/test_<file>.py`.

A package of its own, so that a folder called `http` here never stands in for the standard library's.
"""
