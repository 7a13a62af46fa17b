"""Counting: how often each key was seen in the last 10 seconds, minute, 10 minutes and hour.

One fixed-size table in shared memory serves all workers, so that N workers count as one. From the bottom up:

- `layout`, `slot`: what stands where in that memory, and nothing else. `layout` can print its own map.
- `cache_folder`: which folder, if any, is safe to keep compiled kernels in.
- `jit`: the only file that names the compiler: the `kernel` decorator and the few atomic operations.
- `hashing`, `sketch`, `directory`: who holds which slot.
- `windows`, `profile`, `turns`: what one key's slot remembers; `crowd`: what is usual for many.
- `gates`: what must be exact.
- `intake`: everything that happens to the memory on a request, in one compiled call: `take_in`.
- `kernels`: all that Python calls, in one list.
- `table`, `ledger`: the Python faces over the memory, for its owner and for a worker that judges requests.
- `warm`: compiles or loads all kernels before the workers fork, so that none of them ever compiles.

A key is 16 bytes chosen by the caller. The table hashes it with a secret of its own, so that nobody outside
can make two keys collide, and keeps 64 bits of that hash, never the key. A slot is taken by compare-and-swap;
only the replacement of an older key needs a slot to be emptied first, and its tag is published after that.
Counters are words of (epoch, count) changed by atomic add, so ageing needs no sweeper: a bucket of another
epoch is simply not current. Importing this package, or `layout`, or `warm`, imports no compiler.
"""
