"""One page of HTML that shows everything in a store: no server, no network, opened by anyone."""

from mlprod.dashboard._writing import render, write

__all__ = ["render", "write"]
