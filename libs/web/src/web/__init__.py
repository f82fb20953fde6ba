"""The HTTP edge that all services share: tokens, problems, limits, health, start and stop."""
