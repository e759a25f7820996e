"""Requests and responses, one module per API family, all versions of a message in one class.

Import the module that is needed and no more: a broker starts with a dozen of them. They hold declarations only; what a
request does belongs to its handler.
"""
