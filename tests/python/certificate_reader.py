#!/usr/bin/env python3
"""An independent verifier of phiseal's certificates, with hashlib and PyPI `cryptography`'s Ed25519.

    certificate_reader.py certificate.json certificate.json.sig VERIFIER-KEY...

Written from the documentation of `phiseal_rotation::certificate` and c2sp.org/signed-note. Checks that each census has the
hash that the certificate says, that the note is of this certificate, and which of the keys have signed it. Prints the status,
then the name of each of them, one a line; ends with an error when none has, or anything is wrong.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import struct
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CLASSES = [
    "nothing", "current", "person", "older", "newer", "closed", "shredded", "foreign", "plaintext", "damaged",
    "person-older", "person-dropped", "unindexed", "stray", "leftover",
]


def no_duplicates(members: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose members all have names of their own."""
    if len({name for name, _ in members}) != len(members):
        raise ValueError("a member stands twice")
    return dict(members)


def text(value: str) -> bytes:
    """A text behind its length."""
    return struct.pack(">I", len(value.encode())) + value.encode()


def seconds(value: str) -> int:
    """A time in seconds since 1970."""
    parsed = datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
    return int(parsed.replace(tzinfo=datetime.timezone.utc).timestamp())


def census_hash(census: dict) -> str:
    """SHA-256 of the canonical encoding of a census."""
    out = b"phiseal/v1 census\x00" + text(census["table"])
    out += struct.pack(">QQQ", census["rows"], seconds(census["began"]), seconds(census["ended"]))
    out += struct.pack(">I", len(census["columns"]))
    for column in census["columns"]:
        out += text(column["column"]) + text(column["domain"]) + bytes.fromhex(column["domain_id"])
        holds = ["sealed", "entries", "tokens"].index(column.get("holds", "sealed"))
        out += struct.pack(">QII", column["revision"], column["primary"], holds << 24 | len(column["counts"]))
        for count in column["counts"]:
            out += struct.pack(">BIQ", CLASSES.index(count["class"]), count["version"] or 0, count["values"])
    return hashlib.sha256(out).hexdigest()


def signers(note: str, certificate: bytes, lines: list[str]) -> list[str]:
    """The names of those keys that signed the note of this certificate."""
    body, signatures = note.rsplit("\n\n", 1)
    body += "\n"
    if body != f"phiseal certificate v1\nsha256 {hashlib.sha256(certificate).hexdigest()}\n":
        raise ValueError("the note is of something else")
    names = []
    for line in lines:
        name, key_id, key = line.split("+", 2)
        key_bytes = base64.b64decode(key, validate=True)
        expected = hashlib.sha256(name.encode() + b"\n" + key_bytes).digest()[:4]
        if key_bytes[0] != 1 or expected.hex() != key_id:
            raise ValueError("a key's id is not its own")
        for signature in signatures.removesuffix("\n").split("\n"):
            dash, signer, value = signature.split(" ")
            value_bytes = base64.b64decode(value, validate=True)
            if dash == "\u2014" and signer == name and value_bytes[:4] == expected:
                Ed25519PublicKey.from_public_bytes(key_bytes[1:]).verify(value_bytes[4:], body.encode())
                names.append(name)
    if not names:
        raise ValueError("no known key has signed it")
    return names


def main() -> None:
    """Verifies the one certificate."""
    certificate = Path(sys.argv[1]).read_bytes()
    note = Path(sys.argv[2]).read_text(encoding="utf-8")
    by = signers(note, certificate, sys.argv[3:])
    read = json.loads(certificate, object_pairs_hook=no_duplicates)
    if (read["format"], read["version"]) != ("phiseal certificate", 1):
        raise ValueError("no certificate of version 1")
    if certificate.decode() != json.dumps(read, indent=2, ensure_ascii=False) + "\n":
        raise ValueError("not as it was written")
    for census in read["certificate"]["counts"]["before"] + read["certificate"]["counts"]["after"]:
        if census_hash(census) != census["sha256"]:
            raise ValueError("a census has another hash")
    print("\n".join([read["status"], *by]))


if __name__ == "__main__":
    main()
