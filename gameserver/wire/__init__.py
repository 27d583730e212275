"""The client protocol without any I/O: bytes in, events out, and bytes to send back.

``frames`` cuts bytes into frames, ``codecs`` turns frames into packets, ``states`` is the session's state table,
``server`` and ``client`` put them together for either side. Specified in docs/protocol.md.
"""
