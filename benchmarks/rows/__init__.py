"""The rows, by theme."""
