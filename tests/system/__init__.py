"""The whole program, started as a user starts it and watched from outside.

`program` starts and ends it, `processes` asks the kernel about it, `clients` and `origins` are what stands on both
sides of it. Nothing here imports the program's own modules to look inside a running one.
"""
