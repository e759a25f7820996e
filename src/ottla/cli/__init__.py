"""The `ottla` command: one module for each noun, loaded only when it is used.

It composes and prints; what it does to a cluster it does with requests, like any client.
"""
