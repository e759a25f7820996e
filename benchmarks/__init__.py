"""Ottla beside Apache Kafka, on the same work and in alternation; started by `bin/bench`.

`rows/` says what is measured, `clients/` makes the load (each in a process of its own, which prints JSON), `brokers`
starts both brokers as a user would. Nothing in `src` knows of it: there is no code path for the shape of a benchmark.
"""
