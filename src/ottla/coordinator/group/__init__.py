"""Consumer groups and committed offsets: one file for each group protocol, on a shared core.

All state of a group lives in one partition of `__consumer_offsets`, in Kafka's record format.
"""
