"""Contracts as documents: `python -m documents DESCRIPTORS FOLDER` writes OpenAPI and AsyncAPI."""
