"""What all facts have in common, whoever records them: checks, outcomes that arrive later, compaction."""
