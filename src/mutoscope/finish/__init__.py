"""What is done to pictures and films that are made: larger, smoother, more frames."""
