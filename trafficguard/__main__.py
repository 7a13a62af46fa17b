"""`python -m trafficguard` is the command `trafficguard`."""

from trafficguard.cli import main

if __name__ == "__main__":
    main(prog_name="trafficguard")
