#!/usr/bin/env python3
"""An independent reader and writer of phiseal's field envelopes.

Written from the documentation of the crate `phiseal-format` alone, with PyPI `cryptography` for AES-256-GCM, AES and
HKDF. It opens what the library seals and the library opens what it seals; both read tests/vectors/field_v1.json.

As a program it answers one JSON request a line on standard input with one JSON answer a line on standard output:

    {"op": "open", "data_key": hex, "envelope": hex, "context": [[tag, hex], ...]}            -> {"plaintext": hex}
    {"op": "seal", "data_key": hex, "suite": 1 or 2, "nonce": hex (optional), "plaintext": hex,
     "context": [[tag, hex], ...]}                                                            -> {"envelope": hex}
    {"op": "key_id", "data_key": hex}                                                         -> {"key_id": hex}

`context` includes the domain, tag 2, in any order; `context_bytes` (hex) may stand in its place. What is refused is
answered with {"error": kind}; a line that is no request with {"error": "request"}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

XAES_256_GCM = 1
AES_256_GCM_HKDF = 2
SUITES = (XAES_256_GCM, AES_256_GCM_HKDF)

KEY_LEN = 32
HEADER_LEN = 41
TAG_LEN = 16
OVERHEAD = HEADER_LEN + TAG_LEN
MAX_PLAINTEXT = 16 << 20
MAX_CONTEXT = 1024

TENANT, DOMAIN, RECORD, FIELD, USE, ROW_VERSION, PADDING, APPLICATION = 1, 2, 3, 4, 5, 6, 7, 128

Component = tuple[int, bytes]


class Refused(Exception):
    """Why something was refused; `kind` is spelled as in the vectors."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


# Derivation


def expand(key: bytes, label: str, parameters: bytes = b"") -> bytes:
    """HKDF-Expand-SHA-256 (RFC 5869, 2.3) with info = label || 0x00 || parameters, 32 bytes."""
    info = label.encode("ascii") + b"\x00" + parameters
    return HKDFExpand(algorithm=hashes.SHA256(), length=32, info=info).derive(key)


def key_id(data_key: bytes) -> bytes:
    """The full 32-byte id of a data key; envelopes carry its first 16 bytes."""
    return expand(data_key, "phiseal/v1 key id")


def field_key(data_key: bytes, suite: int) -> bytes:
    """The key of a field suite."""
    return expand(data_key, "phiseal/v1 field", bytes([suite]))


def xaes_subkey(key: bytes, nonce_prefix: bytes) -> bytes:
    """The derived key of XAES-256-GCM (c2sp.org/XAES-256-GCM) for the first 12 bytes of a nonce."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    doubled = int.from_bytes(block.update(bytes(16)), "big") << 1
    if doubled >> 128:
        doubled = (doubled ^ 0x87) & ((1 << 128) - 1)
    k1 = doubled.to_bytes(16, "big")

    def half(counter: int) -> bytes:
        message = bytes([0, counter]) + b"X\x00" + nonce_prefix
        return block.update(bytes(a ^ b for a, b in zip(message, k1, strict=True)))

    return half(1) + half(2)


def message_key(data_key: bytes, suite: int, epoch: bytes) -> bytes:
    """The AES-256-GCM key of one epoch; the message's nonce under it is `count`."""
    if suite == XAES_256_GCM:
        return xaes_subkey(field_key(data_key, suite), epoch)
    return expand(field_key(data_key, suite), "phiseal/v1 epoch", epoch)


# Contexts


def encode_context(components: Iterable[Component]) -> bytes:
    """The canonical bytes of a context; `components` may come in any order."""
    out = b"\x01"
    for tag, value in sorted(components):
        out += bytes([tag]) + len(value).to_bytes(4, "big") + value
    parse_context(out)
    return out


def parse_context(data: bytes) -> list[Component]:
    """The components of canonical bytes; raises `Refused` on anything else."""
    if len(data) > MAX_CONTEXT:
        raise Refused("too_long")
    if not data:
        raise Refused("truncated")
    if data[0] != 1:
        raise Refused("unknown_version")
    components: list[Component] = []
    rest = data[1:]
    while rest:
        tag, length_bytes = rest[0], rest[1:5]
        if components and tag == components[-1][0]:
            raise Refused("duplicate")
        if components and tag < components[-1][0]:
            raise Refused("order")
        if len(length_bytes) < 4:
            raise Refused("truncated")
        length = int.from_bytes(length_bytes, "big")
        if length > MAX_CONTEXT:
            raise Refused("too_long")
        value, rest = rest[5 : 5 + length], rest[5 + length :]
        if len(value) < length:
            raise Refused("truncated")
        if not (TENANT <= tag <= PADDING or tag >= APPLICATION):
            raise Refused("unknown_tag")
        if (tag == DOMAIN and length != 16) or (tag == ROW_VERSION and length != 8):
            raise Refused("length")
        if tag == PADDING and (length != 4 or value == bytes(4)):
            raise Refused("length")
        components.append((tag, value))
    tags = {tag for tag, _ in components}
    if not tags - {DOMAIN, PADDING}:
        raise Refused("empty")
    if DOMAIN not in tags:
        raise Refused("missing")
    return components


# Padding


def length_class(context_bytes: bytes) -> int | None:
    """The length class of a context, where it has one."""
    for tag, value in parse_context(context_bytes):
        if tag == PADDING:
            return int.from_bytes(value, "big")
    return None


def padded_length(length: int, of_class: int) -> int:
    """How long a plaintext of `length` bytes is once padded."""
    return max(1, -(-length // of_class)) * of_class + 1


def pad(plaintext: bytes, of_class: int) -> bytes:
    """ISO/IEC 9797-1, padding method 2, to the length of the class."""
    length = padded_length(len(plaintext), of_class)
    if length > MAX_PLAINTEXT:
        raise Refused("too_long")
    return (plaintext + b"\x80").ljust(length, b"\x00")


def unpad(padded: bytes, of_class: int) -> bytes:
    """The plaintext without its padding, which must be as long as the class says."""
    stripped = padded.rstrip(b"\x00")
    if not stripped.endswith(b"\x80") or padded_length(len(stripped) - 1, of_class) != len(padded):
        raise Refused("padding")
    return stripped[:-1]


# Fields


def parse_field(envelope: bytes) -> tuple[int, bytes, bytes, bytes, bytes]:
    """Suite, key id, epoch, count, ciphertext with tag."""
    if not envelope:
        raise Refused("truncated")
    if envelope[0] not in SUITES:
        raise Refused("unknown_suite")
    if len(envelope) < OVERHEAD:
        raise Refused("truncated")
    if len(envelope) > MAX_PLAINTEXT + OVERHEAD:
        raise Refused("too_long")
    return envelope[0], envelope[1:17], envelope[17:29], envelope[29:41], envelope[41:]


def open_field(data_key: bytes, envelope: bytes, context: Iterable[Component] | bytes) -> bytes:
    """The plaintext of `envelope`; `context` is components, or canonical bytes."""
    context_bytes = _context_bytes(context)
    suite, named, epoch, count, body = parse_field(envelope)
    if named != key_id(data_key)[:16]:
        raise Refused("foreign_key")
    associated_data = bytes([suite]) + named + context_bytes
    try:
        plaintext = AESGCM(message_key(data_key, suite, epoch)).decrypt(count, body, associated_data)
    except InvalidTag:
        raise Refused("unauthenticated") from None
    of_class = length_class(context_bytes)
    return plaintext if of_class is None else unpad(plaintext, of_class)


def seal_field(
    data_key: bytes,
    plaintext: bytes,
    context: Iterable[Component] | bytes,
    *,
    suite: int = XAES_256_GCM,
    nonce: bytes | None = None,
) -> bytes:
    """An envelope of `plaintext`; the 24-byte nonce is random unless a test gives one."""
    context_bytes = _context_bytes(context)
    if suite not in SUITES:
        raise Refused("unknown_suite")
    if len(plaintext) > MAX_PLAINTEXT:
        raise Refused("too_long")
    of_class = length_class(context_bytes)
    if of_class is not None:
        plaintext = pad(plaintext, of_class)
    nonce = os.urandom(24) if nonce is None else nonce
    if len(nonce) != 24:
        raise Refused("length")
    prefix = bytes([suite]) + key_id(data_key)[:16]
    epoch, count = nonce[:12], nonce[12:]
    body = AESGCM(message_key(data_key, suite, epoch)).encrypt(count, plaintext, prefix + context_bytes)
    return prefix + nonce + body


def _context_bytes(context: Iterable[Component] | bytes) -> bytes:
    if isinstance(context, bytes):
        parse_context(context)
        return context
    return encode_context(context)


# Line protocol


def answer(request: dict) -> dict:
    """The answer to one request of the line protocol."""
    data_key = bytes.fromhex(request["data_key"])
    if len(data_key) != KEY_LEN:
        raise Refused("length")
    if request["op"] == "key_id":
        return {"key_id": key_id(data_key).hex()}
    if "context_bytes" in request:
        context: list[Component] | bytes = bytes.fromhex(request["context_bytes"])
    else:
        context = [(tag, bytes.fromhex(value)) for tag, value in request["context"]]
    if request["op"] == "open":
        return {"plaintext": open_field(data_key, bytes.fromhex(request["envelope"]), context).hex()}
    if request["op"] == "seal":
        nonce = bytes.fromhex(request["nonce"]) if "nonce" in request else None
        plaintext = bytes.fromhex(request["plaintext"])
        return {"envelope": seal_field(data_key, plaintext, context, suite=request["suite"], nonce=nonce).hex()}
    raise Refused("request")


def main() -> None:
    """Answers requests until standard input ends."""
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line))
        except Refused as refused:
            reply = {"error": refused.kind}
        except (KeyError, TypeError, ValueError, OverflowError):
            reply = {"error": "request"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
