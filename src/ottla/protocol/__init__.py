"""The wire and only the wire: frames' headers, the codec, the table of APIs and a declaration of every message.

It knows how values become bytes and nothing of what they mean: no sockets, no broker, no record batches (a batch is an
opaque run of bytes here), no clock. A message is declared once, for all its versions; the code that reads and writes a
version is generated when it is first needed.
"""
