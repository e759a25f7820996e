"""One partition's log on one disk, in Kafka's own files: segments, indexes, producer state, epochs, recovery.

It knows offsets, batches and files, and nothing of connections, requests, replicas or metadata. Every touch of the
disk goes through the `Files` port, so that all of it runs unchanged on a simulated disk that loses and tears what was
not fsynced.
"""
