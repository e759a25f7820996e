"""What Kafka's internal topics hold: a class for every key and value, and how a log frames them.

These are formats on disk, read by Kafka's own tools, and they know nothing of the coordinators that write them.
"""
