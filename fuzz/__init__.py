"""Fuzzing: whatever bytes a store holds, only errors of the library come out, in bounded time and memory.

``targets/`` has a file for each family of decoders, ``frames`` knows how their files are put together, so
that a changed header gets the checksum it needs, and ``damage`` changes them. `tests/fuzz` uses them, too.
"""
