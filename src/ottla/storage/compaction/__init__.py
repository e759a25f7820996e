"""Compaction: of each key the newest record stays. What to clean, what stays, and how the clean files take their place.

`policy` and `retain` decide and are pure; `pass_` and `swap` work on the `Files` port. A pass is run by a worker
process, from file names and values to file names and values, so that no record is looked at on the event loop.
"""
