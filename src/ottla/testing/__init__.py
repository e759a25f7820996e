"""The simulation kit: an event loop on virtual time, a network and a disk that fail on demand, all from one seed.

Everything here implements a port that production code declares, so brokers, clients and applications run on it
unchanged. It is shipped for users too. Nothing outside `testing` may import it, and nothing in it may ask the operating
system for time, randomness, files or sockets.
"""
