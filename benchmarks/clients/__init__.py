"""The loads. Each module is run as a process (`python -m benchmarks.clients.NAME JSON`), stops by itself and prints JSON."""
