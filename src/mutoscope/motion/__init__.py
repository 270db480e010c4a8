"""Where the picture goes between two frames."""
