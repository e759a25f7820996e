"""What `ottla log` knows of a partition's files: reading them as they are, whole or broken, and finding what is wrong.

It reads and never writes, also while a broker has the folder; what it finds wrong it says, it does not raise.
"""
