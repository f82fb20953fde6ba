"""One use case a file; each awaits only the store that it names."""
