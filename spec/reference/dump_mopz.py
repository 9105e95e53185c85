#!/usr/bin/env python3
"""Lists every byte of a .mopz file with its field: the worked example of the specification.

    dump_mopz.py FILE...             the listing of each file
    dump_mopz.py --write FILE...     into FILE.dump
    dump_mopz.py --check FILE...     status 1 if FILE.dump says something else

Zeros that the text calls reserved or padding are counted, not shown; of a payload of more than
256 bytes the first 64 are shown, and a string of more than 160 characters is cut in the middle.
`mopctl inspect --bytes` prints the same.
"""

import struct
import sys
import unicodedata

import read_mopz as mopz

PAYLOAD_SHOWN_WHOLE = 256
PAYLOAD_SHOWN = 64
CHARACTERS_SHOWN = 160

DTYPES = {code: name for code, (name, _) in mopz.DTYPES.items()}
CODECS = ("raw", "planes", "rows-int8")
SIDES = (None, "down", "up")
ROLES = (
    None, "magnitude", "value", "indices", "leftFirst", "rightFirst", "leftSecond", "rightSecond",
    "coreFirst", "coreSecond",
)
KINDS = (
    None, "additive", "magnitude", "replacement", "dense delta", "row replacement", "scale",
    "Hadamard", "Kronecker", "sparse", "spectral", "rotation",
)
LAYOUTS = (None, "linear", "transposed", "embedding", "convolution", "expert slice", "whole")
# What the codes of a field mean, by structure.
CODES = {
    mopz.BLOCK: {"dtype": DTYPES, "codec": CODECS, "stored_dtype": DTYPES},
    mopz.FILE: {
        "role": (None, "weights", "config"),
        "header_form": ("none", "standard", "stored", "foreign"),
    },
    mopz.SOURCE_TENSOR: {
        "content_kind": ("block", "factor"), "dtype": DTYPES,
        "disposition": (None, "consumed", "carried", "redundant", "scalar"),
    },
    mopz.TARGET: {"kind": KINDS, "layout": LAYOUTS, "naming": (None, "dotted", "flattened")},
    mopz.TERM: {"core_kind": ("identity", "diagonal", "dense")},
    mopz.FACTOR: {
        "side": SIDES, "index_kind": ("identity", "affine", "explicit"),
        "mixing_kind": ("none", "weights", "complement", "softmax-top"),
    },
    mopz.RANGE: {"axis": (None, "rows", "columns"), "visibility": (None, "shared", "private")},
    mopz.OPERAND: {"role": ROLES},
    mopz.SCALAR: {"role": (None, "scaling", "relativeError", "variant", "termCount")},
}


ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
UNPRINTABLE = ("Cc", "Cf", "Zl", "Zp", "Co", "Cs", "Cn")


def printable(character):
    if character in ESCAPES:
        return ESCAPES[character]
    hidden = unicodedata.category(character) in UNPRINTABLE
    return f"\\u{{{ord(character):x}}}" if hidden else character


def quoted(text):
    """A string as people read it: a long one cut in the middle, nothing that cannot be seen."""
    half = CHARACTERS_SHOWN // 2
    parts = [text] if len(text) <= CHARACTERS_SHOWN else [text[:half], text[-half:]]
    return '"' + "…".join("".join(map(printable, part)) for part in parts) + '"'


class Dump:
    def __init__(self, data):
        self.data = data
        self.position = 0
        self.lines = []

    def title(self, text):
        self.lines += ["", f"-- {text}"]

    def line(self, text, meaning):
        self.lines.append(f"{self.position:6}  {text:47}  {meaning}".rstrip())

    def take(self, length, meaning):
        """One line for each 16 bytes, the meaning beside the first."""
        for start in range(0, length, 16):
            count = min(16, length - start)
            data = self.data[self.position : self.position + count]
            self.line(data.hex(" ", 1), meaning if start == 0 else "")
            self.position += count

    def payload(self, length, meaning):
        if length <= PAYLOAD_SHOWN_WHOLE:
            self.take(length, meaning)
        else:
            self.take(PAYLOAD_SHOWN, meaning)
            self.line(f"{length - PAYLOAD_SHOWN} bytes not shown", "")
            self.position += length - PAYLOAD_SHOWN

    def zeros(self, end, meaning):
        count = end - self.position
        if not mopz.is_zero(self.data[self.position : end]):  # A later version's (§13.3).
            self.payload(count, meaning)
        elif count:
            self.line(f"{count} bytes of zero", meaning)
            self.position = end

    def row(self, layout, task=None):
        row = layout.unpack(self.data, self.position)
        for name, kind in layout.fields:
            if kind.isdigit():
                self.zeros(self.position + int(kind), "reserved")
                continue
            length = 8 if kind == "str" else struct.calcsize("<" + mopz.TYPES[kind])
            value = getattr(row, name)
            text = f"{field_name(name)}{self.value(value, kind, task)}"
            codes = CODES.get(layout, {}).get(name)
            self.take(length, text + (f" {codes[value]}" if codes else ""))

    def value(self, value, kind, task):
        if kind == "hash":
            return ""
        if kind == "magic":
            return "" if value == mopz.MAGIC else f" {value.decode()}"
        if kind == "str":
            return f" {quoted(task.text(value))}"
        if kind == "u32" and value == mopz.NONE:
            return " None"
        return f" {value}"


def field_name(name):
    words = {"dtype": "DType"}
    return "_".join(words.get(word, word.capitalize()) for word in name.rstrip("2").split("_"))


def dump(data):
    reader = mopz.Reader(data)
    findings = reader.verify()
    if findings:
        sys.exit(str(findings[0]))
    out = Dump(data)
    out.title("5.1 Header page")
    out.row(mopz.HEADER)
    out.zeros(mopz.PAGE, "reserved")
    for letter, end in (("A", 2 * mopz.PAGE), ("B", 3 * mopz.PAGE)):
        out.title(f"5.2 Commit slot {letter}")
        if mopz.is_zero(data[out.position : end]):
            out.zeros(end, "unused")
        else:
            out.row(mopz.SLOT)
            out.zeros(end, "reserved")
    tasks = {task.entry.record_offset: task for task in reader.tasks}
    for offset, length, _, what in reader.regions():
        out.zeros(offset, "gap")
        if what == "block":
            dump_block(out, reader, offset)
        elif what == "dead":
            out.title("5.3 Dead extent")
            out.payload(length, "dead bytes")
        elif what == "record":
            dump_record(out, tasks[offset])
        elif what == "index":
            out.title("5.6 Block index segment")
            out.row(mopz.INDEX)
            while out.position < offset + length:
                out.row(mopz.INDEX_ENTRY)
        else:
            dump_directory(out, reader)
    if out.position < len(data):
        out.title("Past Committed_Length")
        out.payload(len(data) - out.position, "bytes of no commit")
    return "\n".join(out.lines[1:]) + "\n"


def dump_block(out, reader, offset):
    users = [task for task in reader.tasks if any(b.offset == offset for b in with_bytes(task))]
    block = next(block for block in with_bytes(users[0]) if block.offset == offset)
    shape = list(users[0].shape(block))
    text = f"5.5 Block: {DTYPES[block.dtype]} {shape}, {CODECS[block.codec]}"
    if block.stored_dtype != block.dtype:
        text += f" in {DTYPES[block.stored_dtype]}"
    text += f", of {quoted(users[0].name)}"
    if len(users) > 1:
        text += f" and {len(users) - 1} more"
    out.title(text)
    end = offset + block.stored_length
    if block.codec == mopz.PLANES:
        dump_planes(out, mopz.bits(block.stored_dtype) // 8)
    elif block.codec == mopz.ROWS_INT8:
        out.payload(4 * shape[0], "scales")
        out.zeros(offset + mopz.roundup(4 * shape[0], 64), "padding")
        out.payload(end - out.position, "elements")
    else:
        out.payload(end - out.position, "elements")


def with_bytes(task):
    return [block for block in task.blocks if block.stored_length]


def dump_planes(out, width):
    out.take(4, f"Plane_Count {width}")
    out.zeros(out.position + 4, "reserved")
    lengths = struct.unpack_from(f"<{width}Q", out.data, out.position)
    for length in lengths:
        form = "compressed" if length >> 63 else "stored"
        out.take(8, f"Plane_Length {length & ~(1 << 63)} {form}")
    for number, length in enumerate(lengths):
        out.payload(length & ~(1 << 63), f"plane {number}")


def dump_record(out, task):
    start = out.position
    out.title(f"5.4 Record of {quoted(task.name)}")
    out.row(mopz.RECORD, task)
    table = []
    for number, (name, _) in enumerate(mopz.SECTIONS):
        place = struct.unpack_from("<II", out.data, out.position)
        table.append(place)
        out.take(8, f"section {number} {field_name(name)} at {place[0]}, count {place[1]}")
    for (name, layout), (offset, count) in zip(mopz.SECTIONS, table):
        out.zeros(start + offset, "padding")
        if count:
            out.title(f"section {field_name(name)}, {offset} from the start of the record")
        if layout is None:
            out.payload(count, "text")
            continue
        for _ in range(count):
            out.row(layout, task)
    out.zeros(start + len(task.data), "padding")


def dump_directory(out, reader):
    start, head = out.position, reader.directory
    out.title("5.3 Directory")
    out.row(mopz.DIRECTORY)
    for entry in reader.entries:
        out.title(f"entry of {quoted(entry.name)}")
        out.row(mopz.ENTRY)
    if head.names_length:
        out.title("names heap")
        out.payload(head.names_length, "text")
        out.zeros(start + head.dead_offset, "padding")
    if reader.dead:
        out.title("dead extents")
    for _ in reader.dead:
        out.row(mopz.EXTENT)


def main(arguments):
    mode = arguments.pop(0) if arguments[:1] in (["--write"], ["--check"]) else None
    wrong = 0
    for path in arguments:
        with open(path, "rb") as file:
            text = dump(file.read())
        beside = f"{path}.dump"
        if mode == "--write":
            with open(beside, "w", encoding="utf-8") as file:
                file.write(text)
        elif mode == "--check":
            with open(beside, encoding="utf-8", newline="") as file:
                if file.read() != text:
                    print(f"{beside} says something else")
                    wrong = 1
        else:
            sys.stdout.write(text)
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
