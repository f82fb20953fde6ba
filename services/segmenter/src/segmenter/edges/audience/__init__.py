"""Audiences at the edge: filters as SQL, saved audiences and their members, the HTTP API."""
