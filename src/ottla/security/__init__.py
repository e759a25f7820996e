"""Who asks, and what they may do: principals, the authoriser port, later SASL exchanges, ACLs, quotas and tokens.

It knows the protocol's codes and nothing of connections, topics or the metadata log; a broker tells it names.
"""
