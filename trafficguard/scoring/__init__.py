"""From findings to a bot score with its shares.

Promises: knows numbers and no actions; evidence is only ever added, never taken away, so that nothing a
client sends can lower its score. Never: reads a request, or decides what happens to it (`policy`).
"""
