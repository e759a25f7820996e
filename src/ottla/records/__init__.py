"""What a topic is made of: record batches v2, their compression, control records, and validation on append.

Bytes in, values out. It knows neither logs nor partitions nor who asks.
"""
