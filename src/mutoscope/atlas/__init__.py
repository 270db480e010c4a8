"""A map of what a generator draws: samples by likeness, directions, the drawings behind it."""
