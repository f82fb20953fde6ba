"""Kafka, HTTP and SQL."""
