"""Many processes on one store do everything at once, for long; at the end every count must be exact."""
