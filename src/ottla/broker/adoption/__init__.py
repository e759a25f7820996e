"""Taking over data folders that no metadata of ours knows: an Apache Kafka's, or our own after its metadata was lost.

Data stays as it lies; what is made is a metadata store that knows it. `kafka_log` and `holdings` look, `plan` decides
and is pure, `taking` locks the folders and writes. Nothing here runs while a broker does.
"""
