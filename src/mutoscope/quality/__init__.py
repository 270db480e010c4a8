"""What came out: a finished film measured, its worst pictures named."""
