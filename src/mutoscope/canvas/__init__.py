"""What draws: pictures as functions of parameters."""
