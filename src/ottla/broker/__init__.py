"""The shell of one broker: listeners, connections, router, handlers, partitions at work, housekeeping.

It wires the machines and logs of the packages below it to sockets, timers and files, and decides little itself. Only
the command line and the test kit import it.
"""
