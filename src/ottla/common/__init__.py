"""Words that every package uses: errors, names, settings, the clock, metrics, log lines.

It knows nothing of the wire, the disk or the broker, and imports no other package of the project.
"""
