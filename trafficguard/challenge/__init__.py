"""What a visitor has to show before going on, and the pass that this earns.

Today a challenge is the smallest there is: a page that sets the pass as a cookie and asks to go on, so that whoever
keeps cookies gets through and whoever does not never does. `passes` seals and checks passes.

Promises: unknown never passes; compared in constant time. Never: does I/O.
"""
