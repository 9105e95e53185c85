#!/usr/bin/env python3
"""Lists every byte of a small .mopz file with its field: the worked example of the specification.

    dump_mopz.py FILE

Zeros that the text calls reserved or padding are counted, not shown.
"""

import struct
import sys

import read_mopz as mopz


class Dump:
    def __init__(self, data):
        self.data = data
        self.position = 0
        self.lines = []

    def title(self, text):
        self.lines += ["", f"-- {text}"]

    def take(self, length, meaning):
        """One line for each 16 bytes, the meaning beside the first."""
        for start in range(0, length, 16):
            count = min(16, length - start)
            data = self.data[self.position : self.position + count]
            text = f"{self.position:6}  {data.hex(' ', 1):47}  {meaning if start == 0 else ''}"
            self.lines.append(text.rstrip())
            self.position += count

    def zeros(self, end, meaning):
        count = end - self.position
        if count:
            assert mopz.is_zero(self.data[self.position : end])
            self.lines.append(f"{self.position:6}  {f'{count} bytes of zero':47}  {meaning}")
            self.position = end

    def row(self, layout, task=None):
        row = layout.unpack(self.data, self.position)
        for name, kind in layout.fields:
            if kind.isdigit():
                self.zeros(self.position + int(kind), "reserved")
                continue
            length = 8 if kind == "str" else struct.calcsize("<" + mopz.TYPES[kind])
            self.take(length, f"{field_name(name)}{self.value(getattr(row, name), kind, task)}")

    def value(self, value, kind, task):
        if kind == "hash":
            return ""
        if kind == "magic":
            return "" if value == mopz.MAGIC else f" {value.decode()}"
        if kind == "str":
            return f' "{task.text(value)}"'
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
            out.title("Block")
            out.take(length, "")
        elif what == "dead":
            out.title("Dead extent")
            out.take(length, "")
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
        out.take(len(data) - out.position, "")
    return "\n".join(out.lines[1:]) + "\n"


def dump_record(out, task):
    start = out.position
    out.title(f'5.4 Record of "{task.name}"')
    out.row(mopz.RECORD, task)
    table = []
    for number, (name, _) in enumerate(mopz.SECTIONS):
        place = struct.unpack_from("<II", out.data, out.position)
        table.append(place)
        out.take(8, f"section {number} {field_name(name)}: at {place[0]}, count {place[1]}")
    for (name, layout), (offset, count) in zip(mopz.SECTIONS, table):
        out.zeros(start + offset, "padding")
        if count:
            out.title(f"section {field_name(name)}, {offset} from the start of the record")
        if layout is None:
            out.take(count, "")
            continue
        for _ in range(count):
            out.row(layout, task)
    out.zeros(start + len(task.data), "padding")


def dump_directory(out, reader):
    start, head = out.position, reader.directory
    out.title("5.3 Directory")
    out.row(mopz.DIRECTORY)
    for entry in reader.entries:
        out.title(f'entry of "{entry.name}"')
        out.row(mopz.ENTRY)
    out.title("names heap")
    out.take(head.names_length, "")
    out.zeros(start + head.dead_offset, "padding")
    for _ in reader.dead:
        out.row(mopz.EXTENT)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        sys.stdout.write(dump(file.read()))
