"""What the commands of the command line do, apart from `serve`, `demo` and `warm`, which live where they run.

Each module turns input into a value and a value into output; `trafficguard.cli` reads flags and decides
exit codes.
"""
