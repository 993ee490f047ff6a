#!/usr/bin/env python3
"""Writes tests/vectors/field_v1.json; `--check` compares it with what is committed instead.

The vectors are frozen: a release that opens one of them differently is wrong. Everything in the file follows from the
documentation of the crate `phiseal-format` and a fixed seed. Before it is written, every vector is opened, and every
negative one is refused with its kind, by phiseal_reader.py.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from phiseal_reader import (
    AES_256_GCM_HKDF,
    DOMAIN,
    FIELD,
    MAX_CONTEXT,
    PADDING,
    RECORD,
    ROW_VERSION,
    TENANT,
    USE,
    XAES_256_GCM,
    Refused,
    encode_context,
    expand,
    field_key,
    key_id,
    message_key,
    open_field,
    seal_field,
    xaes_subkey,
)

FILE = Path(__file__).resolve().parent.parent / "vectors" / "field_v1.json"
DOCUMENTATION = FILE.parents[2] / "crates" / "format" / "src" / "lib.rs"
SEED = b"phiseal field v1 vectors"
SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 64, 255, 256, 4096)
SUITES = (XAES_256_GCM, AES_256_GCM_HKDF)


def stream(name: str, length: int) -> bytes:
    """`length` bytes that depend on the seed and `name` alone."""
    return hashlib.shake_256(SEED + b"\x00" + name.encode()).digest(length)


# Positive vectors


def component_sets() -> dict[str, list[tuple[int, bytes]]]:
    """Contexts worth freezing, by name; the domain included."""
    domain = (DOMAIN, stream("domain", 16))
    long_value = stream("long value", MAX_CONTEXT - 1 - 21 - 5)
    return {
        "tenant": [(TENANT, b"clinic"), domain],
        "record and field": [domain, (RECORD, b"patient 17"), (FIELD, b"birth date")],
        "every tag of the format": [
            (TENANT, b"clinic"),
            domain,
            (RECORD, b"patient 17"),
            (FIELD, b"ssn"),
            (USE, b"treatment"),
            (ROW_VERSION, (41).to_bytes(8, "big")),
            (PADDING, (32).to_bytes(4, "big")),
        ],
        "application tags": [domain, (128, b"first"), (200, b""), (255, bytes(range(256)))],
        "empty value": [domain, (RECORD, b"")],
        "two empty values": [(TENANT, b""), domain, (FIELD, b"")],
        "zero byte in a value": [domain, (RECORD, b"a\x00b")],
        "accented letter, composed": [domain, (RECORD, "Zo\u00eb".encode())],
        "accented letter, decomposed": [domain, (RECORD, "Zoe\u0308".encode())],
        "largest row version": [domain, (RECORD, b"patient 17"), (ROW_VERSION, b"\xff" * 8)],
        "largest context": [domain, (RECORD, long_value)],
        "domain of zeros": [(DOMAIN, bytes(16)), (USE, b"billing")],
    }


def positive() -> list[dict]:
    """Every vector that opens."""
    sets = component_sets()
    vectors = [worked_example(suite) for suite in SUITES]
    for suite in SUITES:
        for size in SIZES:
            for context in ("tenant", "record and field"):
                vectors.append(vector(f"suite {suite}, {size} bytes, {context}", suite, size, sets[context]))
        for name, components in sets.items():
            vectors.append(vector(f"suite {suite}, context: {name}", suite, 20, components))
        vectors += padded(suite)
        for name, nonce in {
            "zeros": bytes(24),
            "ones": b"\xff" * 24,
            "last count": stream("epoch", 12) + b"\xff" * 12,
        }.items():
            vectors.append(vector(f"suite {suite}, nonce: {name}", suite, 20, sets["tenant"], nonce=nonce))
        for name, key in {"zeros": bytes(32), "ones": b"\xff" * 32}.items():
            vectors.append(vector(f"suite {suite}, data key: {name}", suite, 20, sets["tenant"], key=key))
    return vectors


def padded(suite: int) -> list[dict]:
    """Plaintexts at the edges of their length classes, and some that look like padding."""
    plaintexts = {
        (1, "no byte"): b"",
        (1, "one byte"): b"x",
        (16, "no byte"): b"",
        (16, "15 bytes"): b"fifteen letters",
        (16, "16 bytes"): b"sixteen letters.",
        (16, "17 bytes"): b"seventeen letters",
        (16, "zeros"): bytes(16),
        (16, "a mark"): b"\x80",
        (16, "a mark and zeros"): b"x\x80" + bytes(14),
        (64, "65 bytes"): stream("65 bytes", 65),
    }
    vectors = []
    for (length, name), plaintext in plaintexts.items():
        components = [*component_sets()["record and field"], (PADDING, length.to_bytes(4, "big"))]
        name = f"suite {suite}, padded to {length}: {name}"
        key, nonce = stream(f"{name}: data key", 32), stream(f"{name}: nonce", 24)
        vectors.append(entry(name, suite, key, nonce, components, plaintext))
    return vectors


WORKED_KEY, WORKED_NONCE = bytes(range(32)), bytes(range(0xC0, 0xD8))


def worked_example(suite: int) -> dict:
    """The example that the format's documentation spells out."""
    components = [
        (TENANT, b"clinic"),
        (DOMAIN, bytes(range(0xA0, 0xB0))),
        (RECORD, b"patient 17"),
        (FIELD, b"birth date"),
    ]
    return entry(f"suite {suite}, worked example", suite, WORKED_KEY, WORKED_NONCE, components, b"1984-02-29")


def vector(name, suite, size, components, *, nonce=None, key=None) -> dict:
    key = stream(f"{name}: data key", 32) if key is None else key
    nonce = stream(f"{name}: nonce", 24) if nonce is None else nonce
    return entry(name, suite, key, nonce, components, stream(f"{name}: plaintext", size))


def entry(name, suite, key, nonce, components, plaintext) -> dict:
    return {
        "name": name,
        "suite": suite,
        "data_key": key.hex(),
        "key_id": key_id(key).hex(),
        "nonce": nonce.hex(),
        "context": [[tag, value.hex()] for tag, value in components],
        "plaintext": plaintext.hex(),
        "envelope": seal_field(key, plaintext, components, suite=suite, nonce=nonce).hex(),
    }


# Negative vectors


class Base:
    """One good envelope per suite, and what it is made of; each negative vector changes one thing of it."""

    def __init__(self, suite: int) -> None:
        self.suite = suite
        self.key = stream(f"negative, suite {suite}: data key", 32)
        self.nonce = stream(f"negative, suite {suite}: nonce", 24)
        self.plaintext = stream(f"negative, suite {suite}: plaintext", 48)
        every = component_sets()["every tag of the format"]
        self.components = [(tag, value) for tag, value in every if tag != PADDING]
        self.context = encode_context(self.components)
        self.prefix = bytes([suite]) + key_id(self.key)[:16]
        self.message_key = message_key(self.key, suite, self.nonce[:12])
        self.envelope = self.seal()

    def seal(self, *, prefix=None, key=None, nonce=None, aad=None, context=None, plaintext=None) -> bytes:
        """The good envelope, or one with a mistake of its writer in it."""
        prefix = self.prefix if prefix is None else prefix
        context = self.context if context is None else context
        body = AESGCM(self.message_key if key is None else key).encrypt(
            self.nonce[12:] if nonce is None else nonce,
            self.plaintext if plaintext is None else plaintext,
            prefix + context if aad is None else aad,
        )
        return prefix + self.nonce + body

    def refuse(self, name: str, error: str, envelope: bytes | None = None, context=None) -> dict:
        """A negative vector; `context` is components, or bytes that are no context."""
        context = self.components if context is None else context
        shown = (
            {"context_bytes": context.hex()}
            if isinstance(context, bytes)
            else {"context": [[tag, value.hex()] for tag, value in context]}
        )
        return {
            "name": f"suite {self.suite}, {name}",
            "error": error,
            "data_key": self.key.hex(),
            "key_id": key_id(self.key).hex(),
            **shown,
            "envelope": (self.envelope if envelope is None else envelope).hex(),
        }


def negative() -> list[dict]:
    """Every vector that is refused."""
    vectors = []
    for suite in SUITES:
        base = Base(suite)
        vectors += lengths(base) + relabelled(base) + foreign(base) + flipped(base)
        vectors += rearranged(base) + wrong_writer(base) + moved(base) + malformed_contexts(base) + wrong_padding(base)
    return vectors


def lengths(base: Base) -> list[dict]:
    """Too short to be an envelope, or another length than was authenticated."""
    vectors = [
        base.refuse(f"cut to {length} bytes", "truncated", base.envelope[:length])
        for length in (0, 1, 16, 17, 28, 29, 40, 41, 56)
    ]
    tag = base.envelope[-16:]
    for name, envelope in {
        "cut to the header and a tag": base.envelope[:57],
        "last byte cut": base.envelope[:-1],
        "last byte of the ciphertext cut": base.envelope[:-17] + tag,
        "tag cut to 12 bytes": base.envelope[:-4],
        "zero byte appended": base.envelope + b"\x00",
        "zero byte before the tag": base.envelope[:-16] + b"\x00" + tag,
        "tag appended twice": base.envelope + tag,
        "line feed appended": base.envelope + b"\n",
    }.items():
        vectors.append(base.refuse(name, "unauthenticated", envelope))
    return vectors


def relabelled(base: Base) -> list[dict]:
    """Another suite byte."""
    vectors = [
        base.refuse(f"suite byte {byte:#04x}", "unknown_suite", bytes([byte]) + base.envelope[1:])
        for byte in (0x00, 0x03, 0x70, 0x80 | base.suite, 0xFF)
    ]
    sealed_as_three = base.seal(prefix=b"\x03" + base.prefix[1:])
    vectors.append(base.refuse("sealed as suite 3", "unknown_suite", sealed_as_three))
    other = bytes([3 - base.suite]) + base.envelope[1:]
    vectors.append(base.refuse(f"relabelled as suite {3 - base.suite}", "unauthenticated", other))
    return vectors


def foreign(base: Base) -> list[dict]:
    """Another key's name, or another key's envelope."""
    full = key_id(base.key)
    other_key = stream("another data key", 32)
    other = seal_field(other_key, base.plaintext, base.components, suite=base.suite, nonce=base.nonce)
    renamed = {
        "first bit of the key id changed": flip(full[:16], 0),
        "last bit of the key id changed": flip(full[:16], 127),
        "key id of zeros": bytes(16),
        "last half of the full key id": full[16:],
    }
    vectors = [
        base.refuse(name, "foreign_key", base.seal(prefix=base.prefix[:1] + named)) for name, named in renamed.items()
    ]
    vectors.append(base.refuse("another key's envelope", "foreign_key", other))
    as_ours = base.prefix + other[17:]
    vectors.append(base.refuse("another key's envelope under our key id", "unauthenticated", as_ours))
    return vectors


def flipped(base: Base) -> list[dict]:
    """One bit changed at the edges of each part."""
    places = {"epoch": (17, 29), "count": (29, 41), "ciphertext": (41, 89), "tag": (89, 105)}
    vectors = []
    for part, (start, end) in places.items():
        for name, bit in {"first": start * 8, "last": end * 8 - 1}.items():
            changed = flip(base.envelope, bit)
            vectors.append(base.refuse(f"{name} bit of the {part} changed", "unauthenticated", changed))
    vectors.append(base.refuse("tag of zeros", "unauthenticated", base.envelope[:-16] + bytes(16)))
    return vectors


def rearranged(base: Base) -> list[dict]:
    """The right parts in the wrong places."""
    header, body, tag = base.envelope[:17], base.envelope[41:-16], base.envelope[-16:]
    swapped = body[16:32] + body[:16] + body[32:]
    epoch, count = base.nonce[:12], base.nonce[12:]
    return [
        base.refuse(name, "unauthenticated", envelope)
        for name, envelope in {
            "epoch and count swapped": header + count + epoch + body + tag,
            "tag before the ciphertext": header + base.nonce + tag + body,
            "first two blocks of the ciphertext swapped": header + base.nonce + swapped + tag,
            "tag reversed": header + base.nonce + body + tag[::-1],
        }.items()
    ]


def wrong_writer(base: Base) -> list[dict]:
    """Sealed by a writer that misread the format in one point."""
    field, epoch = field_key(base.key, base.suite), base.nonce[:12]
    little_endian = b"\x01" + b"".join(
        bytes([tag]) + len(value).to_bytes(4, "little") + value for tag, value in base.components
    )

    def epoch_key(key: bytes) -> bytes:
        if base.suite == XAES_256_GCM:
            return xaes_subkey(key, epoch)
        return expand(key, "phiseal/v1 epoch", epoch)

    keys = {
        "no derivation at all": base.key,
        "field key used for every epoch": field,
        "epoch derived from the data key itself": epoch_key(base.key),
        "field key of the other suite": epoch_key(field_key(base.key, 3 - base.suite)),
        "field key without the suite byte": epoch_key(expand(base.key, "phiseal/v1 field")),
        "field key under the label of documents": epoch_key(expand(base.key, "phiseal/v1 document")),
        "epoch key of the other suite": message_key_of_other(field, base.suite, epoch),
        "epoch key for the count": message_key(base.key, base.suite, base.nonce[12:]),
    }
    aads = {
        "no associated data": b"",
        "associated data without suite and key id": base.context,
        "associated data without the suite": base.prefix[1:] + base.context,
        "associated data without the key id": base.prefix[:1] + base.context,
        "associated data with the full key id": base.prefix[:1] + key_id(base.key) + base.context,
        "associated data with the nonce": base.prefix + base.nonce + base.context,
        "associated data with the context first": base.context + base.prefix,
        "associated data without a context": base.prefix,
        "associated data with little-endian lengths": base.prefix + little_endian,
        "associated data without the context's version": base.prefix + base.context[1:],
    }
    vectors = [base.refuse(name, "unauthenticated", base.seal(key=key)) for name, key in keys.items()]
    vectors += [base.refuse(name, "unauthenticated", base.seal(aad=aad)) for name, aad in aads.items()]
    vectors.append(base.refuse("nonce is the epoch", "unauthenticated", base.seal(nonce=epoch)))
    return vectors


def message_key_of_other(field: bytes, suite: int, epoch: bytes) -> bytes:
    if suite == XAES_256_GCM:
        return expand(field, "phiseal/v1 epoch", epoch)
    return xaes_subkey(field, epoch)


def moved(base: Base) -> list[dict]:
    """A good envelope opened as something else."""
    good = dict(base.components)

    def changed(**values: bytes | None) -> list[tuple[int, bytes]]:
        names = {"tenant": TENANT, "domain": DOMAIN, "record": RECORD, "field": FIELD, "use": USE, "row": ROW_VERSION}
        context = dict(good)
        for name, value in values.items():
            context[names[name]] = value
        return [(tag, value) for tag, value in context.items() if value is not None]

    contexts = {
        "another tenant": changed(tenant=b"clinic2"),
        "tenant in another case": changed(tenant=b"Clinic"),
        "another domain": changed(domain=stream("another domain", 16)),
        "another record": changed(record=b"patient 18"),
        "another field": changed(field=b"phone"),
        "another use": changed(use=b"billing"),
        "the next row version": changed(row=(42).to_bytes(8, "big")),
        "the row version before": changed(row=(40).to_bytes(8, "big")),
        "no tenant": changed(tenant=None),
        "no record": changed(record=None),
        "no row version": changed(row=None),
        "empty use": changed(use=b""),
        "tenant and record swapped": changed(tenant=good[RECORD], record=good[TENANT]),
        "a byte moved from record to field": changed(record=b"patient 1", field=b"7ssn"),
        "zero byte after the record": changed(record=b"patient 17\x00"),
        "space after the record": changed(record=b"patient 17 "),
        "application component added": [*base.components, (128, b"")],
        "a length class": [*base.components, (PADDING, (16).to_bytes(4, "big"))],
        "use given as application component": [*changed(use=None), (133, good[USE])],
    }
    return [
        base.refuse(f"opened with {name}", "unauthenticated", context=components)
        for name, components in contexts.items()
    ]


def wrong_padding(base: Base) -> list[dict]:
    """Sealed without the padding that the context names, or opened with another class."""
    sixteen, seventeen = ([*base.components, (PADDING, length.to_bytes(4, "big"))] for length in (16, 17))
    context = encode_context(sixteen)
    vectors = [
        base.refuse(f"padding: {name}", "padding", base.seal(context=context, plaintext=plaintext), context=sixteen)
        for name, plaintext in {
            "no byte": b"",
            "zeros": bytes(17),
            "no mark": b"sixteen letters." + b"\x00",
            "mark with its lowest bit set": b"sixteen letters." + b"\x81",
            "a byte after the mark": b"fifteen letters" + b"\x80\x01",
            "filled with its length": b"x" + b"\x10" * 16,
            "a class too long": b"fifteen letters\x80" + bytes(17),
            "one zero too few": b"fourteen lett." + b"\x80" + bytes(1),
            "one zero too many": b"fourteen lett." + b"\x80" + bytes(3),
        }.items()
    ]
    good = base.seal(context=context, plaintext=b"sixteen letters." + b"\x80")
    vectors.append(base.refuse("padding: opened with another class", "unauthenticated", good, seventeen))
    vectors.append(base.refuse("padding: opened without a class", "unauthenticated", good))
    return vectors


def malformed_contexts(base: Base) -> list[dict]:
    """Context bytes that are not canonical; the envelope is sealed with exactly these, so that only parsing refuses."""
    tenant, domain = (TENANT, b"clinic"), (DOMAIN, dict(base.components)[DOMAIN])
    good = raw(tenant, domain)
    long_value = bytes(MAX_CONTEXT - 1 - 21 - 5 + 1)
    cases = [
        ("no byte", "truncated", b""),
        ("version 0", "unknown_version", b"\x00" + good[1:]),
        ("version 2", "unknown_version", b"\x02" + good[1:]),
        ("no version", "unknown_version", raw(domain, (RECORD, b"patient 17"))[1:]),
        ("no component", "empty", b"\x01"),
        ("only a domain", "empty", raw(domain)),
        ("no domain", "missing", raw(tenant)),
        ("domain first", "order", raw(domain, tenant)),
        ("application tag first", "order", raw((128, b"x"), domain)),
        ("tenant twice", "duplicate", raw(tenant, tenant, domain)),
        ("domain twice", "duplicate", raw(tenant, domain, domain)),
        ("application tag twice", "duplicate", raw(domain, (255, b"a"), (255, b"b"))),
        ("tag 0", "unknown_tag", raw((0, b""), domain, (RECORD, b""))),
        ("tag 8", "unknown_tag", raw(tenant, domain, (8, b""))),
        ("tag 127", "unknown_tag", raw(tenant, domain, (127, b""))),
        ("empty domain", "length", raw(tenant, (DOMAIN, b""))),
        ("domain of 15 bytes", "length", raw(tenant, (DOMAIN, domain[1][:15]))),
        ("domain of 17 bytes", "length", raw(tenant, (DOMAIN, domain[1] + b"\x00"))),
        ("row version of 4 bytes", "length", raw(domain, (ROW_VERSION, bytes(4)))),
        ("row version of 9 bytes", "length", raw(domain, (ROW_VERSION, bytes(9)))),
        ("length class of 3 bytes", "length", raw(tenant, domain, (PADDING, b"\x00\x00\x10"))),
        ("length class of 5 bytes", "length", raw(tenant, domain, (PADDING, b"\x00\x00\x00\x00\x10"))),
        ("length class 0", "length", raw(tenant, domain, (PADDING, bytes(4)))),
        ("only domain and length class", "empty", raw(domain, (PADDING, b"\x00\x00\x00\x10"))),
        ("length class before the domain", "order", raw(tenant, (PADDING, b"\x00\x00\x00\x10"), domain)),
        ("1,025 bytes", "too_long", raw(domain, (RECORD, long_value))),
        ("length of 1,025", "too_long", good[:-20] + (1025).to_bytes(4, "big") + good[-16:]),
        ("length of 2^32 - 1", "too_long", good[:-20] + b"\xff" * 4 + good[-16:]),
        ("little-endian length", "too_long", good[:-20] + (16).to_bytes(4, "little") + good[-16:]),
        ("last byte cut", "truncated", good[:-1]),
        ("cut after a tag", "truncated", good + b"\x03"),
        ("cut inside a length", "truncated", good + b"\x03\x00\x00\x00"),
        ("cut before a value", "truncated", good + b"\x03\x00\x00\x00\x01"),
        ("length one too high", "truncated", good[:-20] + (17).to_bytes(4, "big") + good[-16:]),
    ]
    return [
        base.refuse(f"context: {name}", error, base.seal(context=context), context=context)
        for name, error, context in cases
    ]


def raw(*components: tuple[int, bytes]) -> bytes:
    """Components as they are given, sorted or not."""
    return b"\x01" + b"".join(bytes([tag]) + len(value).to_bytes(4, "big") + value for tag, value in components)


def flip(data: bytes, bit: int) -> bytes:
    """`data` with one bit changed; bit 0 is the highest of the first byte."""
    changed = bytearray(data)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


# The file


def verify_xaes() -> None:
    """Runs the two test vectors of c2sp.org/XAES-256-GCM."""
    nonce, plaintext = b"ABCDEFGHIJKLMNOPQRSTUVWX", b"XAES-256-GCM"
    for key, aad, expected in (
        (b"\x01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\x03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ):
        if AESGCM(xaes_subkey(key, nonce[:12])).encrypt(nonce[12:], plaintext, aad).hex() != expected:
            raise SystemExit("XAES-256-GCM differs from its published vectors")


def verify_documentation() -> None:
    """Looks for what the worked example derives in the documentation of the format."""
    text = DOCUMENTATION.read_text(encoding="utf-8")
    values = [key_id(WORKED_KEY).hex()]
    for suite in SUITES:
        values.append(field_key(WORKED_KEY, suite).hex())
        values.append(message_key(WORKED_KEY, suite, WORKED_NONCE[:12]).hex())
        envelope = worked_example(suite)["envelope"]
        values += [envelope[82:-32], envelope[-32:]]
    for value in values:
        if value not in text:
            raise SystemExit(f"the documentation of the format lacks {value}")


def verify(vectors: list[dict], negatives: list[dict]) -> None:
    """Opens or refuses every vector; raises where the file would lie."""
    for item in vectors:
        context = [(tag, bytes.fromhex(value)) for tag, value in item["context"]]
        opened = open_field(bytes.fromhex(item["data_key"]), bytes.fromhex(item["envelope"]), context)
        if opened.hex() != item["plaintext"]:
            raise SystemExit(f"{item['name']}: opens to something else")
    for item in negatives:
        if "context_bytes" in item:
            context = bytes.fromhex(item["context_bytes"])
        else:
            context = [(tag, bytes.fromhex(value)) for tag, value in item["context"]]
        try:
            open_field(bytes.fromhex(item["data_key"]), bytes.fromhex(item["envelope"]), context)
        except Refused as refused:
            if refused.kind != item["error"]:
                raise SystemExit(f"{item['name']}: {refused.kind}, not {item['error']}") from None
        else:
            raise SystemExit(f"{item['name']}: opens")
    names = [item["name"] for item in vectors + negatives]
    if len(set(names)) != len(names):
        raise SystemExit("a name occurs twice")


def render(vectors: list[dict], negatives: list[dict]) -> str:
    """The file's text: one vector a line."""

    def lines(items: list[dict]) -> str:
        return ",\n".join("  " + json.dumps(item) for item in items)

    return (
        '{\n "format": "phiseal field v1",\n'
        f' "vectors": [\n{lines(vectors)}\n ],\n'
        f' "negative": [\n{lines(negatives)}\n ]\n}}\n'
    )


def main() -> None:
    """Writes or compares."""
    vectors, negatives = positive(), negative()
    verify_xaes()
    verify_documentation()
    verify(vectors, negatives)
    text = render(vectors, negatives)
    if sys.argv[1:] == ["--check"]:
        if not FILE.is_file() or FILE.read_text(encoding="ascii") != text:
            raise SystemExit(f"{FILE.name} differs from what this program writes")
    elif sys.argv[1:]:
        raise SystemExit("usage: make_field_vectors.py [--check]")
    else:
        FILE.write_text(text, encoding="ascii")
    print(f"{len(vectors)} vectors, {len(negatives)} negative")


if __name__ == "__main__":
    main()
