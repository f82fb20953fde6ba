"""Customer value: fitted by a process apart, once a day for each shop."""
