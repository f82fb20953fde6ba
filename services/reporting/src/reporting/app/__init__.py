"""One use case a file; the store is a Protocol, and nobody commits here."""
