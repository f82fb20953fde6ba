"""Who is meant: filters as trees of conditions, what they may ask, and how they read."""
