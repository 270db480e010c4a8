"""What vqgan-clip-generator's functions say, put into the settings of the one engine."""
