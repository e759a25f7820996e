"""Attacks on a broker of one's own, with a quiet neighbour beside them: what a stranger can make everybody else pay."""
