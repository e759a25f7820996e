"""The public test suites of other clients, run against any broker: what passes on Apache Kafka must pass here.

The suites are fetched as their packages, built in `build/client-suites`, and never kept in this repository.
"""
