"""What speaks to a cluster from outside: one connection, one node with reconnects, and a small view of the cluster.

It knows the wire (`protocol`), batches (`records`) and how to authenticate (`security`), and must not know anything of
a broker's inside: brokers use it to reach each other, tests and tools to reach brokers.
"""
