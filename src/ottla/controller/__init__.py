"""The one writer of metadata: topics, partitions, configs, producer ids, brokers.

Machines decide (request and image in, records and response out) and are pure; `shell` alone appends, replays, answers.
It knows nothing of connections, and reacts to no change: that is the broker's work.
"""
