#!/usr/bin/env python3
"""An independent reader and writer of phiseal's recovery keys: public lines, shares, and wraps of algorithm 7.

Written from the documentation of `phiseal_backends::recovery` and `phiseal-format`, with PyPI `cryptography` for X25519 and
HPKE (RFC 9180). Shamir's interpolation is written out with a table, as anybody would on the day.

Reads one JSON request from standard input and answers with one JSON object:

    {"public": line, "shares": [line, ...], "open": [[wrapped, context], ...], "seal": [[data key, context], ...]}
      -> {"opened": [data key, ...], "sealed": [wrapped, ...]}

All but the lines is hex; a context is the encryption context's bytes; `wrapped` is encapsulated key, ciphertext and tag.
"""

from __future__ import annotations

import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
INFO = b"phiseal/v1 recovery wrap\x00"


def checked(line: str, prefix: str) -> list[str]:
    """The parts of a line between its prefix and its checksum."""
    body, checksum = line.rsplit("-", 1)
    expected = hashlib.sha256(b"phiseal/v1 recovery text\x00" + body.encode("ascii")).digest()[:8]
    if not body.startswith(prefix) or checksum != expected.hex():
        raise ValueError(line)
    return body.removeprefix(prefix).split("-")


def times(a: int, b: int) -> int:
    """The product in GF(2^8) with the polynomial of FIPS 197."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11B
        b >>= 1
    return product


INVERSE = {a: b for a in range(1, 256) for b in range(1, 256) if times(a, b) == 1}


def combined(lines: list[str], public: bytes) -> bytes:
    """The private key that the shares are of."""
    points: dict[int, bytes] = {}
    for line in lines:
        share_set, threshold, index, value = checked(line, "phiseal-share1-")
        points[int(index)] = bytes.fromhex(value)
    if len(points) < int(threshold):
        raise ValueError("too few")
    salt = bytes.fromhex(share_set)[:8]
    bound = hashlib.sha256(b"phiseal/v1 recovery set\x00" + salt + bytes([int(threshold)]) + public)
    if bytes.fromhex(share_set)[8:] != bound.digest()[:8]:
        raise ValueError("the set")
    secret = bytearray(32)
    for x, value in points.items():
        weight = 1
        for other in points:
            if other != x:
                weight = times(weight, times(other, INVERSE[other ^ x]))
        secret = bytearray(a ^ times(weight, b) for a, b in zip(secret, value, strict=True))
    return bytes(secret)


def main() -> None:
    """Answers the one request."""
    request = json.load(sys.stdin)
    (digits,) = checked(request["public"], "phiseal-recovery1-")
    public = bytes.fromhex(digits)
    private = X25519PrivateKey.from_private_bytes(combined(request["shares"], public))
    if private.public_key().public_bytes_raw() != public:
        raise ValueError("another key")
    opened = [
        SUITE.decrypt(bytes.fromhex(wrapped), private, INFO + bytes.fromhex(context))
        for wrapped, context in request["open"]
    ]
    recipient = X25519PublicKey.from_public_bytes(public)
    sealed = [
        SUITE.encrypt(bytes.fromhex(key), recipient, INFO + bytes.fromhex(context))
        for key, context in request["seal"]
    ]
    print(json.dumps({"opened": [key.hex() for key in opened], "sealed": [it.hex() for it in sealed]}))


if __name__ == "__main__":
    main()
