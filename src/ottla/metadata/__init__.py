"""What the cluster knows: the metadata records, the image they add up to, and the store that orders them.

It knows nothing of who decides on changes (the controller) nor of who reacts to them (the broker). All but the stores
is pure: no loop, clock, file or thread.
"""
