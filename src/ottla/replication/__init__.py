"""A partition as leader or follower: in-sync replicas, high watermark, epochs.

Machines only: they are told what happened and answer what follows. They know no files, no sockets and no clock.
"""
