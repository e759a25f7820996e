"""Ottla: Kafka, in Python. The broker, its storage and its machines; see docs/architecture.md for the map."""

__version__ = "0.1.0"
