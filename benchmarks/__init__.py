"""The numbers of the library, each beside its peer in one run; `python -m benchmarks` prints the table."""
