"""Levels and points, in Postgres and over HTTP."""
