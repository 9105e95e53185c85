#!/usr/bin/env python3
"""Writes the worked example and the test vectors into the specification.

    make_appendices.py            rewrites the parts of ../mopz.md between its markers
    make_appendices.py --check    status 1 if that would change something
"""

import os
import sys

import dump_mopz
import read_mopz as mopz
import samples
from xxh3 import xxh3_64, xxh3_128

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = os.path.join(HERE, "..", "mopz.md")
VALID = os.path.join(HERE, "..", "..", "fixtures", "valid")


def worked_example():
    return "```text\n" + dump_mopz.dump(samples.worked_example()) + "```"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def hashes():
    inputs = [
        ("nothing", b""), ("`61`", b"a"), ("`4D 4F 50 5A`", b"MOPZ"),
        ("bytes 0 to 15", bytes(range(16))), ("bytes 0 to 127", bytes(range(128))),
        ("bytes 0 to 239", bytes(range(240))), ("bytes 0 to 255", bytes(range(256))),
        ("4,096 bytes of zero", bytes(4096)),
    ]
    rows = [
        (text, f"`{xxh3_64(data):016x}`", f"`{xxh3_128(data):032x}`") for text, data in inputs
    ]
    return table(("input", "64 bits", "128 bits, high half first"), rows)


def content_hashes():
    cases = [
        ("F16", (1, 2), bytes.fromhex("003c0040")), ("F16", (2, 1), bytes.fromhex("003c0040")),
        ("BF16", (1, 2), bytes.fromhex("003c0040")), ("F32", (), bytes.fromhex("0000803f")),
        ("F32", (0,), b""), ("F32", (0, 3), b""),
    ]
    rows = []
    for dtype, shape, data in cases:
        digest = mopz.content_hash(mopz.CODE[dtype], shape, data)
        rows.append((dtype, list(shape), f"`{data.hex(' ')}`" if data else "", f"`{digest.hex()}`"))
    return table(("type", "dimensions", "logical bytes", "`Content_Hash` as stored"), rows)


def widenings():
    cases = [
        ("F32", "BF16", 0x3F80), ("F32", "BF16", 0xFF81), ("F32", "F16", 0x0001),
        ("F32", "F16", 0x83FF), ("F32", "F16", 0x7BFF), ("F32", "F16", 0xFC00),
        ("F32", "F16", 0x7C01), ("F32", "F16", 0xFE00), ("F64", "F32", 0x00000001),
        ("F64", "F32", 0x7F7FFFFF), ("F64", "F32", 0xFF800001),
    ]
    rows = []
    for wide, narrow, bits in cases:
        size = mopz.bits(mopz.CODE[narrow]) // 8
        data = mopz.widen(bits.to_bytes(size, "little"), wide, narrow)
        result = int.from_bytes(data, "little")
        stored, logical = f"0x{bits:0{2 * size}X}", f"0x{result:0{2 * len(data)}X}"
        rows.append((f"{narrow} to {wide}", stored, logical))
    return table(("", "stored bits", "logical bits"), rows)


def files():
    rows = []
    for name in sorted(samples.VALID):
        with open(os.path.join(VALID, f"{name}.mopz"), "rb") as file:
            data = file.read()
        reader = mopz.Reader(data)
        reader.verify()
        slot = reader.slot
        root = mopz.hexadecimal(slot.root_hash)
        count = len(reader.tasks)
        rows.append((f"`{name}.mopz`", f"{len(data):,}", slot.generation, count, f"`{root}`"))
    return table(("file", "bytes", "generation", "tasks", "`Root_Hash`, high half first"), rows)


PARTS = {
    "worked example": worked_example, "hashes": hashes, "content hashes": content_hashes,
    "widenings": widenings, "files": files,
}


def filled(text):
    for name, make in PARTS.items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        text = f"{head}{begin}{make()}\n{end}{tail}"
    return text


def main():
    with open(TEXT, encoding="utf-8") as file:
        text = file.read()
    new = filled(text)
    if "--check" in sys.argv[1:]:
        sys.exit(0 if new == text else "the appendices of mopz.md are out of date")
    with open(TEXT, "w", encoding="utf-8") as file:
        file.write(new)


if __name__ == "__main__":
    main()
