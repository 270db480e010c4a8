"""What sees: networks that put pictures and words into one space."""
