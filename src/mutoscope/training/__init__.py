"""What every training shares: its folder, its pictures' files, its optimisers' moments."""
