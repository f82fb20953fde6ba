"""Dashboards made by code: `python -m watching FOLDER` writes their JSON."""
