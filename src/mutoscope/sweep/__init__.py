"""Many pictures from one order: what is to be made, and the folder in which it is."""
