"""The parts of `ottla demo`: the flights, the sums, where they are stored, the group's members and what is shown.

It is an application as a user would write one, on an ordinary client, and must not know anything of a broker's inside.
"""
