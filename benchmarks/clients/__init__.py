"""The loads: each is a process (`python -m benchmarks.clients.NAME JSON`) that ends by itself and prints JSON."""
