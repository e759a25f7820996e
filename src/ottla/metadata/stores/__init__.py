"""Implementations of the `MetadataStore` port. Each must pass the store conformance tests."""
