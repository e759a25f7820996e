"""Transactions: the coordinator of one partition of `__transaction_state` as a machine (KIP-98, KIP-360, KIP-890).

The machine decides and writes down what a transaction becomes; who carries the markers to the partitions is the shell.
"""
