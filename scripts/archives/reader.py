"""Reads a ZIP from standard input with stream-unzip, and prints the SHA-256 and path of each entry."""

import hashlib
import sys

from stream_unzip import stream_unzip

sys.stdout.reconfigure(encoding="utf-8")
for name, _, pieces in stream_unzip(iter(lambda: sys.stdin.buffer.read1(10_000), b"")):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    print(digest.hexdigest(), name.decode())
