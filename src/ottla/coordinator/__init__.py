"""Coordinators: replicated state machines, each the owner of one partition of an internal topic, and their runtime.

A machine is told of requests and of time, and answers records, answers and timers; it changes its durable state only by
replaying a record. The runtime (a shell) appends the records, replays them, and sends the answers once the log has
committed. Machines know no sockets, files or clocks.
"""
