"""Work that is many independent tasks, and those who do it: processes here, or other machines."""
