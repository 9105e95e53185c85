#!/usr/bin/env python3
"""A reader and verifier of .mopz files, in plain Python, in the order of the specification.

    read_mopz.py FILE                  values as JSON; status 1 and the first broken rule, if any
    read_mopz.py --all FILE            every finding
    read_mopz.py --canonical FILE      the rules of canonical form as well
    read_mopz.py --extract DIR FILE    writes the source files of every task to DIR/<number>/
"""

import argparse
import json
import math
import os
import re
import struct
import sys
from types import SimpleNamespace

import zstd_frame
from xxh3 import xxh3_64, xxh3_128

# §2 Conventions -----------------------------------------------------------------------------------

NONE = 0xFFFFFFFF
PAGE = 4096
HEADER_SIZE = 3 * PAGE


def hash128(data):
    return xxh3_128(data).to_bytes(16, "little")


def hash64(data):
    return xxh3_64(data)


def hexadecimal(digest):
    """A stored hash as people write it: high half first."""
    return digest[::-1].hex()


def roundup(x, m):
    return -(-x // m) * m


def is_zero(data):
    return not any(data)


TYPES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "f64": "d", "hash": "16s", "magic": "8s"}


class Layout:
    """A structure of fixed size, from text such as `offset=u64 name=str reserved=4`."""

    def __init__(self, text):
        self.fields = [field.split("=") for field in text.split()]
        codes = []
        for _, kind in self.fields:
            codes.append("II" if kind == "str" else f"{kind}s" if kind.isdigit() else TYPES[kind])
        self.struct = struct.Struct("<" + "".join(codes))
        self.size = self.struct.size

    def unpack(self, data, offset=0):
        values = iter(self.struct.unpack_from(data, offset))
        row = SimpleNamespace()
        for name, kind in self.fields:
            setattr(row, name, (next(values), next(values)) if kind == "str" else next(values))
        return row

    def pack(self, row):
        values = []
        for name, kind in self.fields:
            if kind.isdigit():
                values.append(getattr(row, name, bytes(int(kind))))
            elif kind == "str":
                values.extend(getattr(row, name))
            else:
                values.append(getattr(row, name))
        return self.struct.pack(*values)

    def reserved_is_zero(self, row):
        return all(is_zero(getattr(row, name)) for name, kind in self.fields if kind.isdigit())

    def strings(self, row):
        return [getattr(row, name) for name, kind in self.fields if kind == "str"]


class Broken(Exception):
    """A rule that does not hold."""

    def __init__(self, rule, where, message):
        super().__init__(f"{rule}: {where}: {message}")
        self.rule, self.where, self.message = rule, where, message


def require(condition, rule, where, message):
    if not condition:
        raise Broken(rule, where, message)


def lies_between(offset, length, end):
    return offset >= HEADER_SIZE and offset + length <= end


# §5 Structures ------------------------------------------------------------------------------------

MAGIC = bytes.fromhex("8D4D4F505A0D0A1A")
HEADER = Layout("magic=magic major_version=u16 minor_version=u16 header_size=u32 header_hash=hash")
SLOT = Layout(
    "slot_magic=magic generation=u64 committed_length=u64 directory_offset=u64 directory_length=u64"
    " directory_hash=hash block_index_offset=u64 block_index_length=u64 block_index_hash=hash"
    " required_features=u64 ignorable_features=u64 task_count=u64 root_hash=hash"
)
DIRECTORY = Layout(
    "directory_magic=magic task_count=u64 names_offset=u64 names_length=u64 dead_offset=u64"
    " dead_count=u64 header_hash64=u64 reserved=8"
)
ENTRY = Layout(
    "name_offset=u32 name_length=u16 flags=u16 record_offset=u64 record_length=u64"
    " record_hash=hash private_offset=u64 private_length=u64 referenced_bytes=u64 rank_max=u32"
    " target_count=u32 parameter_count=u64 reserved=8 entry_hash64=u64"
)
EXTENT = Layout("offset=u64 length=u64")
RECORD = Layout(
    "record_magic=magic record_length=u64 kind=str base_block=u32 rank_max=u32 parameter_count=u64"
    " reserved=24"
)
BLOCK = Layout(
    "offset=u64 stored_length=u64 logical_length=u64 dtype=u8 codec=u8 stored_dtype=u8"
    " dimension_count=u8 first_dimension=u32 content_hash=hash stored_hash=hash"
)
INDEX = Layout(
    "index_magic=magic entry_count=u64 previous_offset=u64 previous_length=u64 previous_hash=hash"
    " reserved=16"
)
INDEX_ENTRY = Layout("content_hash=hash offset=u64 stored_length=u64")
POOL = Layout("shard_length=u64 first_range=u32 range_count=u32")
RANGE = Layout("block=u32 axis=u8 visibility=u8 reserved=2 first=u64 count=u64 reserved2=8")
FACTOR = Layout(
    "pool=u32 rank=u32 width=u64 chunk_count=u32 mix_count=u32 side=u8 index_kind=u8"
    " mixing_kind=u8 reserved=1 index_block=u32 mixing_block=u32 affine_offset=u32"
    " affine_row_step=u32 affine_chunk_step=u32 affine_modulus=u32 reserved2=12"
)
TERM = Layout(
    "scaling=f64 down=u32 up=u32 core_kind=u8 reserved=3 core_block=u32 out_scale_block=u32"
    " in_scale_block=u32 reserved2=8"
)
TARGET = Layout(
    "module=str parameter=str kind=u16 layout=u8 naming=u8 layout_index=u32 first_term=u32"
    " term_count=u32 first_operand=u32 operand_count=u32 first_scalar=u32 scalar_count=u32"
    " reserved=16"
)
OPERAND = Layout("role=u16 reserved=2 block=u32")
SCALAR = Layout("role=u16 reserved=6 value=f64")
FILE = Layout(
    "name=str role=u16 header_form=u16 block=u32 first_tensor=u32 tensor_count=u32"
    " first_metadata=u32 metadata_count=u32 reserved=24"
)
SOURCE_TENSOR = Layout(
    "name=str content_kind=u8 disposition=u8 dtype=u8 dimension_count=u8 content=u32"
    " first_dimension=u32 reserved=12"
)
PAIR = Layout("key=str value=str")
WORD = Layout("value=u32")
DIMENSION = Layout("value=u64")

SECTIONS = [
    ("strings", None), ("blocks", BLOCK), ("dimensions", DIMENSION), ("files", FILE),
    ("source_tensors", SOURCE_TENSOR), ("name_order", WORD), ("metadata", PAIR),
    ("targets", TARGET), ("terms", TERM), ("factors", FACTOR), ("pools", POOL),
    ("pool_ranges", RANGE), ("operands", OPERAND), ("scalars", SCALAR), ("properties", PAIR),
    ("extensions", None),
]
SECTIONS_START = 192


class Reader:
    """One file, and what was found in it."""

    def __init__(self, data):
        self.data = data
        self.findings = []
        self.notes = []
        self.slot = None
        self.entries = []
        self.dead = []
        self.tasks = []
        self.decoded = {}

    def attempt(self, check, *arguments):
        """Runs a check; a broken rule becomes a finding, and the result is None."""
        try:
            return check(*arguments)
        except Broken as broken:
            self.findings.append(broken)
            return None

    # §5.1 Header page

    def read_header(self):
        data = self.data
        require(data[:8] == MAGIC, "HDR-1", "header", "the file does not begin with the magic")
        require(len(data) >= HEADER_SIZE, "HDR-2", "header", f"the file has only {len(data)} bytes")
        header = HEADER.unpack(data)
        require(header.header_hash == hash128(data[:16]), "HDR-3", "header", "the hash differs")
        major = header.major_version
        require(major == 1, "HDR-4", "header", f"major version {major}")
        require(header.header_size == HEADER_SIZE, "HDR-5", "header", "Header_Size")
        require(is_zero(data[32:PAGE]), "HDR-5", "header", "reserved bytes are not zero")

    # §5.2 Commit slots

    def read_slot(self, letter, start, parity):
        page = self.data[start : start + PAGE]
        where = f"slot {letter}"
        slot = SLOT.unpack(page)
        require(slot.slot_magic == b"MOPZSLOT", "SLT-2", where, "no magic")
        require(slot.root_hash == hash128(page[:112]), "SLT-3", where, "the root hash differs")
        require(is_zero(page[128:]), "SLT-4", where, "reserved bytes are not zero")
        generation = slot.generation
        require(generation >= 1 and generation % 2 == parity, "SLT-5", where, f"{generation}")
        return slot

    def read_slots(self):
        valid = []
        self.slots_unused = []
        for letter, start, parity in (("A", PAGE, 1), ("B", 2 * PAGE, 0)):
            unused = is_zero(self.data[start : start + PAGE])
            self.slots_unused.append(unused)
            if not unused:
                slot = self.attempt(self.read_slot, letter, start, parity)
                if slot:
                    valid.append(slot)
        require(not all(self.slots_unused), "SLT-1", "slots", "both are unused")
        if not valid:
            raise self.findings.pop()
        if len(valid) == 2 and abs(valid[0].generation - valid[1].generation) != 1:
            pair = f"generations {valid[0].generation} and {valid[1].generation}"
            self.findings.append(Broken("SLT-6", "slots", pair))
        self.slot = slot = max(valid, key=lambda s: s.generation)
        self.knows_reserved = slot.ignorable_features == 0  # §13.3: no bit is known.
        end = slot.committed_length
        require(slot.required_features < 8, "SLT-7", "slot", f"{slot.required_features:#x}")
        require(HEADER_SIZE <= end <= len(self.data), "SLT-8", "slot", f"Committed_Length {end}")
        require(slot.task_count <= 1 << 20, "LIM-1", "slot", f"{slot.task_count} tasks")
        place = (slot.directory_offset, slot.directory_length)
        require(
            lies_between(*place, end) and place[0] % 64 == 0 and place[1] >= 64,
            "SLT-9", "slot", f"directory at {place}",
        )
        place = (slot.block_index_offset, slot.block_index_length)
        require(
            is_segment_place(*place, slot.block_index_hash, end),
            "SLT-10", "slot", f"block index at {place}",
        )
        if end < len(self.data):
            self.notes.append(f"{len(self.data) - end} bytes past the committed length")

    # §5.3 Directory

    def read_directory_header(self):
        slot = self.slot
        start = slot.directory_offset
        where = "directory"
        header = DIRECTORY.unpack(self.data, start)
        require(header.directory_magic == b"MOPZDIRY", "DIR-1", where, "no magic")
        digest = hash64(self.data[start : start + 48])
        require(header.header_hash64 == digest, "DIR-2", where, "the hash of the header differs")
        require(header.task_count == slot.task_count, "DIR-3", where, "Task_Count")
        names_end = header.names_offset + header.names_length
        require(
            header.names_offset == 64 + 96 * header.task_count
            and header.dead_offset == roundup(names_end, 8)
            and slot.directory_length == header.dead_offset + 16 * header.dead_count,
            "DIR-4", where, "offsets and counts do not agree",
        )
        if self.knows_reserved:
            require(DIRECTORY.reserved_is_zero(header), "DIR-5", where, "reserved bytes")
        self.directory = header
        self.names = self.data[start + header.names_offset : start + names_end]

    def read_entry(self, number):
        start = self.slot.directory_offset + 64 + 96 * number
        end = self.slot.committed_length
        where = f"entry {number}"
        entry = ENTRY.unpack(self.data, start)
        name_end = entry.name_offset + entry.name_length
        require(name_end <= len(self.names), "DIR-6", where, "the name is outside of the heap")
        name = self.names[entry.name_offset : name_end]
        digest = hash64(self.data[start : start + 88] + name)
        require(entry.entry_hash64 == digest, "DIR-7", where, "the hash differs")
        if self.knows_reserved:
            require(ENTRY.reserved_is_zero(entry), "DIR-5", where, "reserved bytes")
            require(entry.flags & ~1 == 0, "DIR-5", where, "reserved flags")
        entry.name = is_name(name, 255)
        require(entry.name is not None, "DIR-8", where, f"{name!r}")
        length = entry.record_length
        require(length <= 1 << 30, "LIM-2", entry.name, f"a record of {length} bytes")
        require(
            lies_between(entry.record_offset, length, end)
            and entry.record_offset % 64 == 0 and length >= SECTIONS_START and length % 8 == 0,
            "DIR-9", entry.name, f"record at {entry.record_offset}, {length} bytes",
        )
        place = (entry.private_offset, entry.private_length)
        require(
            place == (0, 0)
            or lies_between(*place, end) and place[0] % 64 == 0 and place[1] > 0,
            "DIR-10", entry.name, f"private extent at {place}",
        )
        return entry

    def read_directory(self):
        slot, header = self.slot, self.directory
        start = slot.directory_offset
        whole = self.data[start : start + slot.directory_length]
        if hash128(whole) != slot.directory_hash:
            self.findings.append(Broken("DIR-11", "directory", "the hash differs"))
        entries = [self.attempt(self.read_entry, k) for k in range(header.task_count)]
        self.entries = [entry for entry in entries if entry]
        if len(self.entries) == len(entries):
            self.attempt(self.check_names)
        padding = whole[header.names_offset + header.names_length : header.dead_offset]
        if self.knows_reserved and not is_zero(padding):
            self.findings.append(Broken("DIR-5", "directory", "padding is not zero"))
        self.dead = [
            EXTENT.unpack(whole, header.dead_offset + 16 * k) for k in range(header.dead_count)
        ]
        self.attempt(self.check_dead)

    def check_names(self):
        names = [entry.name.encode() for entry in self.entries]
        for before, after in zip(names, names[1:]):
            require(before < after, "DIR-12", "directory", f"{before!r} and {after!r}")
        position = 0
        for entry in self.entries:
            require(entry.name_offset == position, "DIR-13", entry.name, "place in the heap")
            position += entry.name_length
        require(position == len(self.names), "DIR-13", "directory", "the heap holds more")

    def check_dead(self):
        position = HEADER_SIZE
        for extent in self.dead:
            require(
                extent.length > 0 and extent.offset >= position and extent.offset % 64 == 0
                and extent.offset + extent.length <= self.slot.committed_length,
                "DIR-14", "directory", f"dead extent at {extent.offset}, {extent.length} bytes",
            )
            position = extent.offset + extent.length

    # §5.4 Task records

    def read_record(self, entry):
        """All that a lookup checks, in the order of §9.5."""
        task = Task(self, entry)
        task.check_frame()
        task.check_strings()
        task.check_blocks()
        task.check_base()
        task.check_files()
        task.check_pools()
        task.check_factors()
        task.check_source_tensors()
        task.check_name_order()
        task.check_terms()
        task.check_targets()
        task.check_facts()
        return task

    # §5.5 Blocks, over all records

    def check_same_blocks(self):
        seen = {}
        for task in self.tasks:
            for block in task.blocks:
                if not block.stored_length:
                    continue
                facts = {k: v for k, v in vars(block).items() if k != "first_dimension"}
                first = seen.setdefault(block.offset, (task.name, facts))
                require(
                    first[1] == facts, "BLK-7", task.name,
                    f"block at {block.offset} differs from that of {first[0]}",
                )

    # §5.6 Block index

    def read_index(self):
        """The entries of all segments, and the places of the segments."""
        slot = self.slot
        offset, length = slot.block_index_offset, slot.block_index_length
        digest = slot.block_index_hash
        self.segments, self.index = [], []
        while length:
            where = f"segment at {offset}"
            data = self.data[offset : offset + length]
            require(hash128(data) == digest, "IDX-1", where, "the hash differs")
            head = INDEX.unpack(data)
            require(head.index_magic == b"MOPZBIDX", "IDX-2", where, "no magic")
            require(length == 64 + 32 * head.entry_count, "IDX-2", where, "length")
            if self.knows_reserved:
                require(INDEX.reserved_is_zero(head), "IDX-2", where, "reserved bytes")
            place = (head.previous_offset, head.previous_length)
            require(
                is_segment_place(*place, head.previous_hash, offset), "IDX-3", where, f"{place}"
            )
            rows = [INDEX_ENTRY.unpack(data, 64 + 32 * k) for k in range(head.entry_count)]
            keys = [(int.from_bytes(r.content_hash, "little"), r.offset) for r in rows]
            for before, after in zip(keys, keys[1:]):
                require(before < after, "IDX-4", where, "entries are not ascending")
            self.segments.append((offset, length))
            self.index += rows
            offset, length, digest = *place, head.previous_hash
        return True

    def all_blocks(self):
        """The blocks of the commit that have bytes, by offset."""
        blocks = {}
        for task in self.tasks:
            for block in task.blocks:
                if block.stored_length:
                    blocks.setdefault(block.offset, block)
        return blocks

    def check_index(self):
        blocks = self.all_blocks()
        count = dict.fromkeys(blocks, 0)
        strangers = []
        for row in self.index:
            block = blocks.get(row.offset)
            if block and (row.content_hash, row.stored_length) == (
                block.content_hash, block.stored_length
            ):
                count[row.offset] += 1
            else:
                strangers.append(row)
        for offset, times in count.items():
            require(times == 1, "IDX-5", f"block at {offset}", f"listed {times} times")
        for row in strangers:
            require(
                self.is_dead(row.offset, row.stored_length),
                "IDX-6", f"index entry for {row.offset}", "no such block",
            )

    def is_dead(self, offset, length):
        position, end = offset, offset + length
        for extent in self.dead:
            if extent.offset <= position < extent.offset + extent.length:
                position = extent.offset + extent.length
        return position >= end

    # §5.7 Regions

    def regions(self):
        """(offset, length, alignment, what), ascending."""
        rows = [(e.record_offset, e.record_length, 64, "record") for e in self.entries]
        for block in self.all_blocks().values():
            alignment = alignment_of(block)
            rows.append((block.offset, block.stored_length, alignment, "block"))
        rows += [(offset, length, 64, "index") for offset, length in self.segments]
        rows += [(e.offset, e.length, 64, "dead") for e in self.dead]
        rows.append((self.slot.directory_offset, self.slot.directory_length, 64, "directory"))
        return sorted(rows)

    def check_regions(self):
        rows = self.regions()
        position = HEADER_SIZE
        for offset, length, alignment, what in rows:
            where = f"{what} at {offset}"
            require(offset >= position, "TIL-1", where, "overlaps another region")
            gap = self.data[position:offset]
            require(len(gap) < alignment, "TIL-2", where, f"a gap of {len(gap)} bytes")
            require(is_zero(gap), "TIL-3", f"gap before {offset}", "is not zero")
            position = offset + length
        end = self.slot.committed_length
        require(position == end, "TIL-4", "slot", f"regions end at {position}, not at {end}")

    # §6 Contents

    def logical_bytes(self, task, block):
        """The logical bytes of a block whose stored bytes are whole."""
        key = (block.offset, block.codec, block.dtype, block.stored_dtype)
        if block.stored_length and key in self.decoded:
            return self.decoded[key]
        stored = self.data[block.offset : block.offset + block.stored_length]
        shape = task.shape(block)
        logical = decode(block, shape, stored, f"{task.name}: block at {block.offset}")
        self.decoded[key] = logical
        return logical

    def check_block(self, task, number):
        block = task.blocks[number]
        where = f"{task.name}: block {number}"
        stored = self.data[block.offset : block.offset + block.stored_length]
        require(block.stored_hash == hash128(stored), "BLK-8", where, "the stored hash differs")
        logical = self.logical_bytes(task, block)
        digest = content_hash(block.dtype, task.shape(block), logical)
        require(block.content_hash == digest, "BLK-9", where, "the content hash differs")

    def blocks_in_order(self):
        """Each block once, by offset; those without bytes last, in the order of the records."""
        uses, empty = {}, []
        for task in self.tasks:
            for number, block in enumerate(task.blocks):
                if block.stored_length:
                    uses.setdefault(block.offset, (task, number))
                else:
                    empty.append((task, number))
        return [uses[offset] for offset in sorted(uses)] + empty

    def check_contents(self):
        self.damaged = set()
        for task, number in self.blocks_in_order():
            block = task.blocks[number]
            before = len(self.findings)
            self.attempt(self.check_block, task, number)
            if len(self.findings) > before:
                self.damaged.add((block.offset, block.content_hash))
        for task in self.tasks:
            for number in range(len(task.factors)):
                self.attempt(task.check_index_values, number)
            self.attempt(task.check_base_record)
            for number in range(len(task.files)):
                self.attempt(task.check_stored_header, number)

    # §9.5 Order of checks

    def verify(self, canonical=False):
        """All findings, first things first."""
        try:
            self.read_header()
            self.read_slots()
            self.read_directory_header()
        except Broken as broken:
            self.findings.append(broken)
            return self.findings
        opened = len(self.findings)
        self.read_directory()
        for entry in self.entries:
            task = self.attempt(self.read_record, entry)
            if task:
                self.tasks.append(task)
                self.attempt(task.check_lists)
        self.attempt(self.check_same_blocks)
        structure_is_sound = len(self.findings) == opened
        self.check_contents()
        if structure_is_sound and self.attempt(self.read_index):
            self.attempt(self.check_index)
            self.attempt(self.check_regions)
            if canonical:
                for check in CANONICAL:
                    self.attempt(check, self)
        return self.findings


def is_segment_place(offset, length, digest, end):
    if offset == 0 and length == 0 and is_zero(digest):
        return True
    return lies_between(offset, length, end) and offset % 64 == 0 and length >= 64


# §6.1 Types ---------------------------------------------------------------------------------------

DTYPES = {
    1: ("BOOL", 8), 2: ("F4", 4), 3: ("F6_E2M3", 6), 4: ("F6_E3M2", 6), 5: ("U8", 8), 6: ("I8", 8),
    7: ("F8_E5M2", 8), 8: ("F8_E4M3", 8), 9: ("F8_E8M0", 8), 10: ("F8_E4M3FNUZ", 8),
    11: ("F8_E5M2FNUZ", 8), 12: ("I16", 16), 13: ("U16", 16), 14: ("F16", 16), 15: ("BF16", 16),
    16: ("I32", 32), 17: ("U32", 32), 18: ("F32", 32), 19: ("C64", 64), 20: ("F64", 64),
    21: ("I64", 64), 22: ("U64", 64),
}
CODE = {name: code for code, (name, _) in DTYPES.items()}
REAL = {CODE[n] for n in (
    "F8_E5M2", "F8_E4M3", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F16", "BF16", "F32", "F64"
)}
INTEGER = {CODE[n] for n in ("U8", "I8", "I16", "U16", "I32", "U32", "I64", "U64")}


def bits(dtype):
    return DTYPES[dtype][1]


# §6.2 Codecs --------------------------------------------------------------------------------------

RAW, PLANES, ROWS_INT8 = 0, 1, 2
NARROWER = {
    (CODE["F32"], CODE["BF16"]), (CODE["F32"], CODE["F16"]), (CODE["F64"], CODE["F32"]),
}


def permits(block):
    pair = (block.dtype, block.stored_dtype)
    if block.codec == RAW:
        return pair[0] == pair[1] or pair in NARROWER
    if block.codec == PLANES:
        return pair[0] == pair[1] and bits(pair[0]) >= 8 or pair in NARROWER
    fits = DTYPES[pair[0]][0] in ("F32", "F16", "BF16") and DTYPES[pair[1]][0] == "I8"
    return fits and block.dimension_count >= 1


def alignment_of(block):
    """§5.7: what the offset of a block is a multiple of."""
    return PAGE if block.stored_length >= 1 << 16 and block.codec != PLANES else 64


def features(block):
    """The bits of Required_Features that a block needs."""
    if block.codec == ROWS_INT8:
        return 4
    return (block.codec == PLANES) | (block.dtype != block.stored_dtype) << 1


def decode(block, shape, stored, where):
    elements = math.prod(shape)
    if block.codec == ROWS_INT8:
        return decode_rows(stored, shape, block.dtype, where)
    if block.codec == PLANES:
        stored = decode_planes(stored, elements, block.stored_dtype, where)
    if block.dtype == block.stored_dtype:
        return stored
    return widen(stored, DTYPES[block.dtype][0], DTYPES[block.stored_dtype][0])


# §6.4 Narrower stored type


def widen_bits(x, narrow, wide):
    """One floating-point number, (exponent bits, fraction bits) to the same; exact, NaN kept."""
    (e, f), (wide_e, wide_f) = narrow, wide
    sign, exponent, fraction = x >> (e + f), (x >> f) & ((1 << e) - 1), x & ((1 << f) - 1)
    if e == wide_e:
        return x << (wide_f - f)
    if exponent == (1 << e) - 1:
        exponent = (1 << wide_e) - 1
    elif exponent:
        exponent += (1 << (wide_e - 1)) - (1 << (e - 1))
    elif fraction:  # Subnormal: normalise.
        shift = f + 1 - fraction.bit_length()
        fraction = (fraction << shift) & ((1 << f) - 1)
        exponent = (1 << (wide_e - 1)) - (1 << (e - 1)) + 1 - shift
    return sign << (wide_e + wide_f) | exponent << wide_f | fraction << (wide_f - f)


FORMATS = {
    "F16": ("H", (5, 10)), "BF16": ("H", (8, 7)), "F32": ("I", (8, 23)), "F64": ("Q", (11, 52)),
}


def widen(stored, wide, narrow):
    (source, from_bits), (target, to_bits) = FORMATS[narrow], FORMATS[wide]
    values = [x[0] for x in struct.iter_unpack("<" + source, stored)]
    wide = [widen_bits(x, from_bits, to_bits) for x in values]
    return struct.pack(f"<{len(wide)}{target}", *wide)


# §6.5 Planes


def is_rotated(dtype):
    return dtype in REAL and bits(dtype) >= 16


def rotate(data, width, places):
    """The bits of each element, rotated to the left."""
    code, size = {2: "H", 4: "I", 8: "Q"}[width], 8 * width
    mask = (1 << size) - 1
    words = (x for (x,) in struct.iter_unpack("<" + code, data))
    words = [x << places & mask | x >> (size - places) for x in words]
    return struct.pack(f"<{len(words)}{code}", *words)


def decode_planes(stored, elements, dtype, where):
    width = bits(dtype) // 8
    require(len(stored) >= 8 + 8 * width, "COD-5", where, "no room for the head")
    count, reserved = struct.unpack_from("<II", stored)
    require(count == width and reserved == 0, "COD-5", where, f"{count} planes")
    lengths = struct.unpack_from(f"<{width}Q", stored, 8)
    planes = [(n & ~(1 << 63), n >> 63) for n in lengths]
    total = 8 + 8 * width + sum(length for length, _ in planes)
    require(total == len(stored), "COD-5", where, "the planes do not fill the stored bytes")
    for length, compressed in planes:
        fits = 1 <= length < elements if compressed else length == elements
        require(fits, "COD-5", where, f"a plane of {length} bytes for {elements} elements")
    logical = bytearray(elements * width)
    position = 8 + 8 * width
    for p, (length, compressed) in enumerate(planes):
        plane = stored[position : position + length]
        position += length
        if compressed:
            plane = expand_frame(plane, elements, where)
        logical[p::width] = plane
    if is_rotated(dtype):
        return rotate(logical, width, 8 * width - 1)
    return bytes(logical)


WINDOW_MAXIMUM = 8 << 20


def expand_frame(frame, elements, where):
    try:
        return zstd_frame.expand(frame, elements, WINDOW_MAXIMUM)
    except zstd_frame.DamagedFrame as damage:
        raise Broken("COD-6", where, str(damage)) from None


# §6.6 Rows-int8


def rows_int8_length(shape):
    return roundup(4 * shape[0], 64) + math.prod(shape)


def round_to(code, value):
    """The bits of a number rounded to nearest even in a type of struct."""
    try:
        return struct.pack("<" + code, value)
    except OverflowError:
        return struct.pack("<" + code, math.copysign(math.inf, value))


def round_to_bfloat16(value):
    (x,) = struct.unpack("<I", round_to("f", value))
    return struct.pack("<H", (x + 0x7FFF + (x >> 16 & 1)) >> 16 & 0xFFFF)


def decode_rows(stored, shape, dtype, where):
    rows, columns = shape[0], math.prod(shape[1:])
    scales = struct.unpack_from(f"<{rows}f", stored)
    require(all(map(math.isfinite, scales)), "COD-7", where, "a scale is not finite")
    start = roundup(4 * rows, 64)
    require(is_zero(stored[4 * rows : start]), "COD-7", where, "padding is not zero")
    name = DTYPES[dtype][0]
    out = []
    for i, scale in enumerate(scales):
        for q in struct.unpack_from(f"<{columns}b", stored, start + i * columns):
            (product,) = struct.unpack("<f", round_to("f", q * scale))
            if name == "BF16":
                out.append(round_to_bfloat16(product))
            else:
                out.append(round_to("e" if name == "F16" else "f", product))
    return b"".join(out)


# §9.2 Content hash


def content_hash(dtype, shape, logical):
    head = bytes([dtype, len(shape)]) + bytes(6) + b"".join(struct.pack("<Q", d) for d in shape)
    return hash128(head + hash128(logical))


# §7 and §8: one task ------------------------------------------------------------------------------


class Task:
    """A record and its tables; the checks are those of a lookup unless they say otherwise."""

    def __init__(self, reader, entry):
        self.reader, self.entry, self.name = reader, entry, entry.name
        start = entry.record_offset
        self.data = reader.data[start : start + entry.record_length]

    def need(self, condition, rule, what, message=""):
        require(condition, rule, f"{self.name}: {what}", message)

    # §5.4 Task records

    def check_frame(self):
        data, entry = self.data, self.entry
        self.need(hash128(data) == entry.record_hash, "REC-1", "record", "the hash differs")
        self.head = head = RECORD.unpack(data)
        self.need(head.record_magic == b"MOPZTASK", "REC-2", "record", "no magic")
        self.need(head.record_length == entry.record_length, "REC-2", "record", "Record_Length")
        table = [struct.unpack_from("<II", data, 64 + 8 * k) for k in range(16)]
        self.need(table[4][1] <= 1 << 24, "LIM-3", "record", f"{table[4][1]} source tensors")
        lenient = not self.reader.knows_reserved
        position, padding = SECTIONS_START, []
        for number, (offset, count) in enumerate(table):
            layout = SECTIONS[number][1]
            start = roundup(position, 8)
            padding.append((position, start))
            self.need(offset == start, "REC-3", f"section {number}", f"at {offset}, not {start}")
            position = start + count * (layout.size if layout else 1)
            self.need(position <= len(data), "REC-3", f"section {number}", "passes the end")
        padding.append((position, len(data)))
        self.need(roundup(position, 8) == len(data), "REC-3", "record", "is longer")
        self.need(table[15][1] == 0 or lenient, "REC-3", "section 15", "is not empty")
        for number, (offset, count) in enumerate(table):
            name, layout = SECTIONS[number]
            if layout is None:
                setattr(self, name, data[offset : offset + count])
            else:
                rows = [layout.unpack(data, offset + layout.size * k) for k in range(count)]
                setattr(self, name, rows)
                for k, row in enumerate(rows):
                    zero = lenient or layout.reserved_is_zero(row)
                    self.need(zero, "REC-4", f"{name} {k}", "reserved bytes are not zero")
        zero = lenient or RECORD.reserved_is_zero(head)
        self.need(zero, "REC-4", "record", "reserved bytes are not zero")
        for start, end in padding:
            zero = lenient or is_zero(data[start:end])
            self.need(zero, "REC-4", f"padding at {start}", "is not zero")
        self.dimension_values = [row.value for row in self.dimensions]

    def check_strings(self):
        try:
            self.strings.decode()
        except UnicodeDecodeError as error:
            self.need(False, "REC-5", "strings", str(error))
        self.check_string(self.head.kind)
        for name, layout in SECTIONS:
            if layout:
                for row in getattr(self, name):
                    for value in layout.strings(row):
                        self.check_string(value)
        kind = self.text(self.head.kind)
        good = len(kind) <= 63 and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind)
        self.need(good, "REC-6", "record", f"kind {kind!r}")

    def check_string(self, value):
        offset, length = value
        heap = self.strings
        self.need(offset + length <= len(heap), "REC-5", f"string {value}", "outside of the heap")
        for place in (offset, offset + length):
            inside = place < len(heap) and heap[place] & 0xC0 == 0x80
            self.need(not inside, "REC-5", f"string {value}", "cuts a character")

    def text(self, value):
        return self.strings[value[0] : value[0] + value[1]].decode()

    def check_facts(self):
        """REC-7."""
        entry, head = self.entry, self.head
        ranks = [self.factors[term.down].rank for term in self.terms]
        self.need(head.rank_max == max(ranks, default=0), "REC-7", "record", "Rank_Max")
        elements = sum(math.prod(self.shape(tensor)) for tensor in self.source_tensors)
        self.need(head.parameter_count == elements, "REC-7", "record", "Parameter_Count")
        self.need(entry.flags & 1 == self.is_opaque(), "REC-7", "entry", "Flags")
        referenced = sum(block.stored_length for block in self.blocks)
        self.need(entry.referenced_bytes == referenced, "REC-7", "entry", "Referenced_Bytes")
        self.need(entry.rank_max == head.rank_max, "REC-7", "entry", "Rank_Max")
        self.need(entry.target_count == len(self.targets), "REC-7", "entry", "Target_Count")
        same = entry.parameter_count == head.parameter_count
        self.need(same, "REC-7", "entry", "Parameter_Count")

    def is_opaque(self):
        return int(any(tensor.disposition == 2 for tensor in self.source_tensors))

    # §5.5 Blocks

    def shape(self, row):
        end = row.first_dimension + row.dimension_count
        return self.dimension_values[row.first_dimension : end]

    def has_dimensions(self, row):
        return row.first_dimension + row.dimension_count <= len(self.dimension_values)

    def check_blocks(self):
        for number, block in enumerate(self.blocks):
            self.check_block(block, f"block {number}")

    def check_block(self, block, where):
        reader, entry = self.reader, self.entry
        known = block.dtype in DTYPES and block.stored_dtype in DTYPES
        self.need(known, "BLK-1", where, f"types {block.dtype}, {block.stored_dtype}")
        self.need(block.dimension_count <= 8, "LIM-4", where, f"{block.dimension_count}")
        self.need(self.has_dimensions(block), "BLK-2", where, "dimensions out of range")
        elements = math.prod(self.shape(block))
        whole = elements * bits(block.dtype)
        self.need(whole <= 1 << 43, "LIM-5", where, f"{whole} bits")
        self.need(whole == 8 * block.logical_length, "BLK-3", where, f"{block.logical_length}")
        self.need(block.codec in (RAW, PLANES, ROWS_INT8), "COD-1", where, f"{block.codec}")
        self.need(permits(block), "COD-2", where, f"{block.dtype}, {block.stored_dtype}")
        missing = features(block) & ~reader.slot.required_features
        self.need(not missing, "COD-3", where, f"feature bits {missing:#x} are not set")
        length = block.stored_length
        if elements == 0:
            empty = (block.codec, block.offset, length) == (RAW, 0, 0)
            self.need(empty and block.dtype == block.stored_dtype, "BLK-4", where, "is empty")
            return
        self.need(length > 0, "BLK-4", where, "has no bytes")
        if block.codec == RAW:
            right = 8 * length == elements * bits(block.stored_dtype)
            self.need(right, "COD-4", where, f"Stored_Length {length}")
        elif block.codec == ROWS_INT8:
            right = length == rows_int8_length(self.shape(block))
            self.need(right, "COD-4", where, f"Stored_Length {length}")
        if block.codec == PLANES:
            right = block.logical_length <= 1024 * length
            self.need(right, "COD-8", where, f"{length} bytes for {block.logical_length}")
        alignment = alignment_of(block)
        place = lies_between(block.offset, length, reader.slot.committed_length)
        self.need(place and block.offset % alignment == 0, "BLK-5", where, f"at {block.offset}")
        start, end = entry.private_offset, entry.private_offset + entry.private_length
        inside = start <= block.offset and block.offset + length <= end
        outside = block.offset + length <= start or end <= block.offset
        self.need(inside or outside, "BLK-6", where, "crosses the private extent")

    def is_real(self, number):
        return number < len(self.blocks) and self.blocks[number].dtype in REAL

    def elements(self, number):
        return math.prod(self.shape(self.blocks[number]))

    def is_byte_string(self, number):
        if number >= len(self.blocks):
            return False
        block = self.blocks[number]
        return block.dtype == CODE["U8"] and block.dimension_count == 1

    def bytes_of(self, number):
        """The logical bytes of a block that is whole, or None."""
        block = self.blocks[number]
        if (block.offset, block.content_hash) in self.reader.damaged:
            return None
        return self.reader.logical_bytes(self, block)

    # §7.2 Base record

    def check_base(self):
        base = self.head.base_block
        self.need(base == NONE or self.is_byte_string(base), "BAS-1", "record", f"block {base}")

    def check_base_record(self):
        """BAS-2, BAS-3 and LIM-4: content."""
        if self.head.base_block == NONE:
            return None
        data = self.bytes_of(self.head.base_block)
        if data is None:
            return None
        try:
            return self.parse_base_record(data)
        except struct.error:
            raise Broken("BAS-2", f"{self.name}: base record", "ends early") from None

    def parse_base_record(self, data):
        position = 0

        def take(code):
            nonlocal position
            (value,) = struct.unpack_from("<" + code, data, position)
            position += struct.calcsize("<" + code)
            return value

        def take_text(length):
            nonlocal position
            text = take(f"{length}s") if position + length <= len(data) else take("q99s")
            try:
                return text.decode()
            except UnicodeDecodeError:
                raise Broken("BAS-3", f"{self.name}: base record", f"{text!r}") from None

        where = "base record"
        self.need(data[:8] == b"MOPZBASE", "BAS-2", where, "no magic")
        position = 8
        count, length = take("I"), take("I")
        architecture = take_text(length)
        tensors = []
        for _ in range(count):
            name = take_text(take("I"))
            dtype, dimension_count = take("B"), take("B")
            self.need(dimension_count <= 8, "LIM-4", where, f"{dimension_count}")
            shape = [take("Q") for _ in range(dimension_count)]
            self.need(dtype in DTYPES, "BAS-3", where, f"type {dtype}")
            if tensors:
                ordered = tensors[-1][0].encode() < name.encode()
                self.need(ordered, "BAS-3", where, f"{name!r} is out of order")
            tensors.append((name, DTYPES[dtype][0], shape))
        self.need(position == len(data), "BAS-2", where, "does not end with its last tensor")
        return architecture, tensors

    # §8.2 Pools

    def check_pools(self):
        position = 0
        for number, pool in enumerate(self.pools):
            where = f"pool {number}"
            ranges = self.ranges(pool)
            tiles = pool.first_range == position and pool.range_count >= 1
            position += pool.range_count
            self.need(tiles and position <= len(self.pool_ranges), "FAC-1", where)
            pool.vector_count = 0
            visibility = 0
            for one in ranges:
                pool.vector_count += one.count
                self.check_range(pool, one, where)
                self.need(visibility <= one.visibility, "FAC-5", where, "shared after private")
                visibility = one.visibility
        self.need(position == len(self.pool_ranges), "FAC-1", "pool ranges", "too many")

    def ranges(self, pool):
        return self.pool_ranges[pool.first_range : pool.first_range + pool.range_count]

    def check_range(self, pool, one, where):
        known = one.axis in (1, 2) and one.visibility in (1, 2)
        real = self.is_real(one.block) and self.blocks[one.block].dimension_count >= 1
        self.need(known and real, "FAC-2", where, f"range of block {one.block}")
        self.need(pool.vector_count < NONE, "LIM-6", where, f"{pool.vector_count} vectors")
        shape = self.shape(self.blocks[one.block])
        rows, columns = shape[0], math.prod(shape[1:])
        count, length = (rows, columns) if one.axis == 1 else (columns, rows)
        self.need(one.first + one.count <= count, "FAC-3", where, f"only {count} vectors")
        fits = length == pool.shard_length and pool.shard_length >= 1
        self.need(fits, "FAC-4", where, f"vectors have {length} elements")

    # §8.3 Factors, §8.4 Index tables and mixing

    def check_factors(self):
        for number, factor in enumerate(self.factors):
            self.check_factor(factor, f"factor {number}")

    def check_factor(self, factor, where):
        index, mixing = factor.index_kind, factor.mixing_kind
        known = factor.side in (1, 2) and index in (0, 1, 2) and mixing in (0, 1, 2, 3)
        self.need(known and factor.pool < len(self.pools), "FAC-6", where)
        rank, chunks, mix = factor.rank, factor.chunk_count, factor.mix_count
        fits = rank <= 65536 and 1 <= chunks <= 65536 and 1 <= mix <= 256
        self.need(fits, "LIM-7", where, f"{rank}, {chunks}, {mix}")
        self.need(rank * factor.width <= 1 << 30, "LIM-8", where, f"{rank} x {factor.width}")
        pool = self.pools[factor.pool]
        shard, vectors = pool.shard_length, pool.vector_count
        fits = (chunks - 1) * shard < factor.width <= chunks * shard
        self.need(fits, "FAC-7", where, f"{chunks} shards of {shard} for {factor.width}")
        affine = (
            factor.affine_offset, factor.affine_row_step, factor.affine_chunk_step,
            factor.affine_modulus,
        )
        unused = (
            (index == 1 or affine == (0, 0, 0, 0))
            and (index == 2 or factor.index_block == NONE)
            and (mixing != 0 or factor.mixing_block == NONE)
        )
        self.need(unused, "FAC-8", where)
        if mixing == 3:
            suits = mix <= vectors and index == 0
        else:
            suits = mix == 1 if mixing == 0 or index != 2 else True
            suits = suits and (mixing != 2 or mix >= 2)
        self.need(suits, "FAC-9", where, f"Mix_Count {mix}")
        if index == 0 and mixing != 3:
            self.need(rank * chunks <= vectors, "FAC-10", where, f"{vectors} vectors")
        if index == 1:
            self.need(1 <= factor.affine_modulus <= vectors, "FAC-11", where)
        if index == 2:
            block = factor.index_block
            good = block < len(self.blocks) and self.blocks[block].dtype in INTEGER
            good = good and self.elements(block) == rank * chunks * mix
            self.need(good, "FAC-12", where, f"block {block}")
        if mixing:
            count = rank * chunks * {1: mix, 2: mix - 1, 3: vectors}[mixing]
            block = factor.mixing_block
            good = self.is_real(block) and self.elements(block) == count
            self.need(good, "FAC-13", where, f"block {block}, {count} elements")

    def check_index_values(self, number):
        """FAC-14: content."""
        factor = self.factors[number]
        if factor.index_kind != 2:
            return
        data = self.bytes_of(factor.index_block)
        if data is None:
            return
        width = bits(self.blocks[factor.index_block].dtype) // 8
        vectors = self.pools[factor.pool].vector_count
        zero_shard = (1 << 8 * width) - 1
        for place in range(0, len(data), width):
            value = int.from_bytes(data[place : place + width], "little")
            good = value < vectors or value == zero_shard
            self.need(good, "FAC-14", f"factor {number}", f"index {value} of {vectors}")

    # §8.5 Terms and targets

    def check_terms(self):
        for number, term in enumerate(self.terms):
            self.check_term(term, f"term {number}")

    def check_term(self, term, where):
        count = len(self.factors)
        sides = (
            term.down < count and self.factors[term.down].side == 1
            and term.up < count and self.factors[term.up].side == 2
        )
        self.need(sides, "UPD-1", where)
        self.need(math.isfinite(term.scaling), "UPD-2", where, f"{term.scaling}")
        down, up = self.factors[term.down], self.factors[term.up]
        core = term.core_block
        if term.core_kind == 0:
            suits = down.rank == up.rank and core == NONE
        elif term.core_kind == 1:
            suits = down.rank == up.rank and self.is_real(core) and self.elements(core) == up.rank
        else:
            suits = term.core_kind == 2 and self.is_real(core)
            suits = suits and self.elements(core) == up.rank * down.rank
        self.need(suits, "UPD-3", where)
        for block, width in ((term.out_scale_block, up.width), (term.in_scale_block, down.width)):
            suits = block == NONE or self.is_real(block) and self.elements(block) == width
            self.need(suits, "UPD-4", where, f"block {block}")

    def check_targets(self):
        positions = {"term": 0, "operand": 0, "scalar": 0}
        lists = {"term": self.terms, "operand": self.operands, "scalar": self.scalars}
        for number, target in enumerate(self.targets):
            where = f"target {number}"
            for what, position in positions.items():
                first = getattr(target, f"first_{what}")
                end = first + getattr(target, f"{what}_count")
                tiles = first == position and end <= len(lists[what])
                self.need(tiles, "UPD-5", where, f"{what}s")
                positions[what] = end
                setattr(target, f"{what}s", lists[what][first:end])
            self.check_target(target, where)
        for what, position in positions.items():
            self.need(position == len(lists[what]), "UPD-5", "targets", f"{what}s left over")

    def check_target(self, target, where):
        known = (
            target.kind in KINDS and 1 <= target.layout <= 6 and target.naming in (1, 2)
            and (target.module[1] or target.parameter[1])
            and (target.layout == 5 or target.layout_index == 0)
        )
        self.need(known, "UPD-6", where)
        kind = KINDS[target.kind]
        self.need(bool(target.terms) == kind.has_terms, "UPD-7", where)
        ins = {self.factors[term.down].width for term in target.terms}
        outs = {self.factors[term.up].width for term in target.terms}
        self.need(len(ins) <= 1 and len(outs) <= 1, "UPD-8", where)
        roles = [operand.role for operand in target.operands]
        exist = all(operand.block < len(self.blocks) for operand in target.operands)
        self.need(exist and kind.takes_operands(roles), "UPD-9", where, f"operands {roles}")
        blocks = {operand.role: operand.block for operand in target.operands}
        self.check_operands(target, blocks, outs, where)
        roles = [scalar.role for scalar in target.scalars]
        finite = all(math.isfinite(scalar.value) for scalar in target.scalars)
        self.need(finite and kind.takes_scalars(roles), "UPD-11", where, f"scalars {roles}")

    def check_operands(self, target, blocks, outs, where):
        if target.kind == 2:
            suits = self.is_real(blocks[1]) and {self.elements(blocks[1])} == outs
        elif target.kind == 4:
            suits = self.is_real(blocks[2])
        elif target.kind == 5:
            value, indices = self.blocks[blocks[2]], self.blocks[blocks[3]]
            suits = indices.dtype in INTEGER and value.dimension_count >= 1
            suits = suits and self.shape(value)[0] == self.elements(blocks[3])
        else:
            return
        self.need(suits, "UPD-10", where)

    def check_lists(self):
        """SRC-11 and UPD-12: a verifier's."""
        for number, file in enumerate(self.files):
            keys = [self.text(pair.key) for pair in self.metadata_of(file)]
            self.need(len(set(keys)) == len(keys), "SRC-11", f"file {number}", "a key twice")
        seen = set()
        for number, target in enumerate(self.targets):
            key = (
                self.text(target.module), self.text(target.parameter), target.layout_index,
                target.kind,
            )
            self.need(key not in seen, "UPD-12", f"target {number}", f"{key} twice")
            seen.add(key)

    # §8.6 Source files

    def check_files(self):
        names = [self.text(file.name).encode() for file in self.files]
        tensors = pairs = 0
        for number, file in enumerate(self.files):
            where = f"file {number}"
            name = is_name(names[number], 255)
            good = name is not None and name not in (".", "..") and not set(name) & {"/", "\\"}
            self.need(good, "SRC-1", where, f"{names[number]!r}")
            ordered = number == 0 or names[number - 1] < names[number]
            self.need(ordered, "SRC-2", where, "out of order")
            weights = file.role == 1 and file.header_form in (1, 2, 3)
            self.need(weights or (file.role, file.header_form) == (2, 0), "SRC-3", where)
            wants_block = not weights or file.header_form == 2
            good = self.is_byte_string(file.block) if wants_block else file.block == NONE
            self.need(good, "SRC-4", where, f"block {file.block}")
            first = tensors if weights else 0
            count = file.tensor_count
            tiles = file.first_tensor == first and (weights or count == 0)
            tensors += count
            fits = tiles and tensors <= len(self.source_tensors)
            self.need(fits, "SRC-5", where, f"tensors {file.first_tensor}, {count}")
            if file.metadata_count == NONE:
                self.need(file.first_metadata == 0, "SRC-6", where, "First_Metadata")
            else:
                tiles = weights and file.first_metadata == pairs
                pairs += file.metadata_count
                self.need(tiles and pairs <= len(self.metadata), "SRC-6", where, "metadata")
        self.need(tensors == len(self.source_tensors), "SRC-5", "files", "tensors left over")
        self.need(pairs == len(self.metadata), "SRC-6", "files", "metadata left over")

    def check_source_tensors(self):
        for number, tensor in enumerate(self.source_tensors):
            self.check_source_tensor(tensor, f"source tensor {number}")

    def check_source_tensor(self, tensor, where):
        known = tensor.content_kind in (0, 1) and tensor.disposition in (1, 2, 3, 4)
        contents = self.factors if tensor.content_kind else self.blocks
        self.need(known and tensor.content < len(contents), "SRC-7", where)
        self.need(tensor.dimension_count <= 8, "LIM-4", where, f"{tensor.dimension_count}")
        self.need(self.has_dimensions(tensor), "SRC-8", where, "dimensions out of range")
        shape = self.shape(tensor)
        known = tensor.dtype in DTYPES
        if known:
            total = math.prod(shape) * bits(tensor.dtype)
            self.need(total <= 1 << 43, "LIM-5", where, f"{total} bits")
        if tensor.content_kind == 0:
            block = self.blocks[tensor.content]
            same = tensor.dtype == block.dtype and shape == self.shape(block)
            self.need(same, "SRC-8", where, "differs from its block")
            return
        factor = self.factors[tensor.content]
        pool = self.pools[factor.pool]
        types = {self.blocks[one.block].dtype for one in self.ranges(pool)}
        first = factor.rank if factor.side == 1 else factor.width
        fits = (
            types == {tensor.dtype} and factor.mixing_kind == 0 and tensor.dimension_count >= 1
            and math.prod(shape) == factor.rank * factor.width and shape[0] == first
        )
        self.need(fits, "SRC-8", where, "does not fit its factor")

    def check_name_order(self):
        order = [row.value for row in self.name_order]
        names = [self.text(tensor.name).encode() for tensor in self.source_tensors]
        expected = sorted(range(len(names)), key=lambda k: (names[k], k))
        self.need(order == expected, "SRC-9", "name order")
        for number, file in enumerate(self.files):
            own = names[file.first_tensor : file.first_tensor + file.tensor_count]
            distinct = len(set(own)) == len(own) and b"__metadata__" not in own
            self.need(distinct, "SRC-10", f"file {number}")

    def metadata_of(self, file):
        if file.metadata_count == NONE:
            return []
        return self.metadata[file.first_metadata : file.first_metadata + file.metadata_count]

    def tensors_of(self, file):
        return self.source_tensors[file.first_tensor : file.first_tensor + file.tensor_count]

    def header_members(self, file):
        """What a safetensors header of the file says, in order."""
        members = []
        if file.metadata_count != NONE:
            pairs = [(self.text(p.key), self.text(p.value)) for p in self.metadata_of(file)]
            members.append(("__metadata__", pairs))
        position = 0
        for tensor in self.tensors_of(file):
            shape = self.shape(tensor)
            end = position + math.prod(shape) * bits(tensor.dtype) // 8
            name, dtype = self.text(tensor.name), DTYPES[tensor.dtype][0]
            facts = [("dtype", dtype), ("shape", shape), ("data_offsets", [position, end])]
            members.append((name, facts))
            position = end
        return members

    def check_stored_header(self, number):
        """SRC-12: content."""
        file = self.files[number]
        if file.header_form != 2:
            return
        where = f"file {number}"
        header = self.bytes_of(file.block)
        if header is None:
            return
        try:
            found = json.loads(header.decode(), object_pairs_hook=Members)
        except (ValueError, RecursionError) as error:
            raise Broken("SRC-12", f"{self.name}: {where}", str(error)) from None
        expected = self.header_members(file)
        self.need(isinstance(found, Members), "SRC-12", where, "is no object")
        if file.metadata_count == NONE:
            found = [member for member in found if member != ("__metadata__", None)]
        same = (
            sorted(map(normal_member, found), key=repr)
            == sorted(map(normal_member, expected), key=repr)
        )
        self.need(same, "SRC-12", where, "the stored header says something else")

    def weights_file(self, file):
        """The bytes of a weights file."""
        if file.header_form == 2:
            header = self.bytes_of(file.block)
        else:
            header = standard_header(self.header_members(file))
        parts = [struct.pack("<Q", len(header)), header]
        parts += [self.tensor_bytes(tensor) for tensor in self.tensors_of(file)]
        return b"".join(parts)

    def tensor_bytes(self, tensor):
        if tensor.content_kind == 0:
            return self.bytes_of(tensor.content)
        return self.assemble(self.factors[tensor.content], bits(tensor.dtype) // 8)

    def assemble(self, factor, width):
        """A factor without mixing, as bytes: A by rows, B by columns."""
        pool = self.pools[factor.pool]
        vectors = []
        for one in self.ranges(pool):
            data, shape = self.bytes_of(one.block), self.shape(self.blocks[one.block])
            rows, columns = shape[0], math.prod(shape[1:])
            cell = lambda i, k: data[(i * columns + k) * width :][:width]
            for n in range(one.first, one.first + one.count):
                if one.axis == 1:
                    vectors.append(b"".join(cell(n, k) for k in range(columns)))
                else:
                    vectors.append(b"".join(cell(i, n) for i in range(rows)))
        table = self.index_table(factor, len(vectors))
        zeros = bytes(pool.shard_length * width)
        lines = []
        for j in range(factor.rank):
            places = table[j * factor.chunk_count : (j + 1) * factor.chunk_count]
            line = b"".join(zeros if n is None else vectors[n] for n in places)
            lines.append(line[: factor.width * width])
        if factor.side == 1:
            return b"".join(lines)
        return b"".join(
            line[i * width : (i + 1) * width] for i in range(factor.width) for line in lines
        )

    def index_table(self, factor, vectors):
        """I[j, c] of a factor without mixing; None is the zero shard."""
        places = [(j, c) for j in range(factor.rank) for c in range(factor.chunk_count)]
        if factor.index_kind == 0:
            return [j * factor.chunk_count + c for j, c in places]
        if factor.index_kind == 1:
            steps = factor.affine_row_step, factor.affine_chunk_step
            values = [factor.affine_offset + steps[0] * j + steps[1] * c for j, c in places]
            return [value % factor.affine_modulus for value in values]
        data = self.bytes_of(factor.index_block)
        width = bits(self.blocks[factor.index_block].dtype) // 8
        cells = range(0, len(data), width)
        values = [int.from_bytes(data[place : place + width], "little") for place in cells]
        return [n if n < vectors else None for n in values]

    def describe(self):
        """The task as a JSON value."""
        tensors = []
        for file in self.files:
            for tensor in self.tensors_of(file):
                row = {
                    "file": self.text(file.name), "name": self.text(tensor.name),
                    "dtype": DTYPES[tensor.dtype][0], "shape": self.shape(tensor),
                    "disposition": DISPOSITIONS[tensor.disposition],
                }
                if tensor.content_kind == 0:
                    block = self.blocks[tensor.content]
                    row["content_hash"] = hexadecimal(block.content_hash)
                else:
                    row["factor"] = tensor.content
                tensors.append(row)
        base = self.head.base_block
        return {
            "name": self.name, "kind": self.text(self.head.kind), "rank_max": self.head.rank_max,
            "parameters": self.head.parameter_count,
            "base": None if base == NONE else hexadecimal(hash128(self.bytes_of(base))),
            "files": [
                {
                    "name": self.text(file.name), "role": ROLES[file.role],
                    "header": HEADER_FORMS[file.header_form],
                    "metadata": None if file.metadata_count == NONE else {
                        self.text(p.key): self.text(p.value) for p in self.metadata_of(file)
                    },
                }
                for file in self.files
            ],
            "tensors": tensors,
            "targets": [
                {
                    "module": self.text(target.module), "parameter": self.text(target.parameter),
                    "kind": KINDS[target.kind].name, "layout": LAYOUTS[target.layout],
                    "ranks": [self.factors[term.down].rank for term in target.terms],
                    "scalings": [term.scaling for term in target.terms],
                }
                for target in self.targets
            ],
            "properties": [[self.text(p.key), self.text(p.value)] for p in self.properties],
            "blocks": [
                {
                    "offset": block.offset, "stored_bytes": block.stored_length,
                    "dtype": DTYPES[block.dtype][0], "shape": self.shape(block),
                    "codec": CODECS[block.codec], "stored_dtype": DTYPES[block.stored_dtype][0],
                    "content_hash": hexadecimal(block.content_hash),
                }
                for block in self.blocks
            ],
        }


DISPOSITIONS = {1: "consumed", 2: "carried", 3: "redundant", 4: "scalar"}
ROLES = {1: "weights", 2: "config"}
HEADER_FORMS = {0: "none", 1: "standard", 2: "stored", 3: "foreign"}
LAYOUTS = {
    1: "linear", 2: "transposed", 3: "embedding", 4: "convolution", 5: "expertSlice", 6: "whole",
}
CODECS = {RAW: "raw", PLANES: "planes", ROWS_INT8: "rows-int8"}


class Kind:
    """What a target of a kind has: roles that are needed, roles that are optional."""

    def __init__(self, name, has_terms, operands=(), optional=(), scalars=(), optional_scalars=()):
        self.name, self.has_terms = name, has_terms
        self.operands, self.optional = set(operands), set(optional)
        self.scalars, self.optional_scalars = set(scalars), set(optional_scalars)

    def takes_operands(self, roles):
        have = set(roles)
        both_cores = self.name != "hadamard" or (8 in have) == (9 in have)
        return (
            len(have) == len(roles) and self.operands <= have
            and have <= self.operands | self.optional and both_cores
        )

    def takes_scalars(self, roles):
        have = set(roles)
        return (
            len(have) == len(roles) and self.scalars <= have
            and have <= self.scalars | self.optional_scalars
        )


KINDS = {
    1: Kind("additive", True, optional_scalars=[2]),
    2: Kind("magnitude", True, operands=[1], optional_scalars=[2]),
    3: Kind("replacement", False, operands=[2]),
    4: Kind("denseDelta", False, operands=[2], scalars=[1]),
    5: Kind("rowReplacement", False, operands=[2, 3]),
    6: Kind("scale", False, operands=[2]),
    7: Kind("hadamard", False, operands=[4, 5, 6, 7], optional=[8, 9], scalars=[1]),
    8: Kind("kronecker", False, operands=[4, 6], optional=[5, 7, 9], scalars=[1]),
    9: Kind("sparse", False, operands=[2, 3], scalars=[1]),
    10: Kind("spectral", False, operands=[2, 3], scalars=[1]),
    11: Kind("rotation", False, operands=[2], optional=[1], scalars=[3], optional_scalars=[4]),
}


class Members(list):
    """The members of a JSON object, in order."""


def normal_member(member):
    """A header member whose value does not depend on the order of dtype, shape, data_offsets."""
    key, value = member
    if key == "__metadata__" or not isinstance(value, list):
        return (key, value)
    return (key, sorted(value, key=repr))


def json_string(text):
    short = {
        '"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r",
    }
    out = []
    for character in text:
        if character in short:
            out.append(short[character])
        elif character < " ":
            out.append(f"\\u{ord(character):04x}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'


def standard_header(members):
    """The header that §8.6 defines, with its padding."""
    out = []
    for name, facts in members:
        if name == "__metadata__":
            pairs = ",".join(f"{json_string(k)}:{json_string(v)}" for k, v in facts)
            out.append(f'"__metadata__":{{{pairs}}}')
        else:
            (_, dtype), (_, shape), (_, (start, end)) = facts
            dimensions = ",".join(map(str, shape))
            out.append(
                f'{json_string(name)}:{{"dtype":"{dtype}","shape":[{dimensions}],'
                f'"data_offsets":[{start},{end}]}}'
            )
    text = ("{" + ",".join(out) + "}").encode()
    return text + b" " * (-len(text) % 8)


# §10.1 Names --------------------------------------------------------------------------------------


def is_name(data, longest):
    """The text of a name, or None if it breaks the rules for names."""
    try:
        text = bytes(data).decode()
    except UnicodeDecodeError:
        return None
    control = any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in text)
    return text if 1 <= len(data) <= longest and not control else None


# §11 Canonical form -------------------------------------------------------------------------------


def check_fresh(reader):
    slot = reader.slot
    fresh = slot.generation == 1 and reader.slots_unused[1] and not reader.dead
    fresh = fresh and slot.committed_length == len(reader.data)
    require(fresh, "CAN-1", "slot", "not a fresh commit")


def check_features(reader):
    needed = 0
    for block in reader.all_blocks().values():
        needed |= features(block)
    slot = reader.slot
    exact = slot.required_features == needed and slot.ignorable_features == 0
    require(exact, "CAN-2", "slot", f"{slot.required_features:#x}, needed {needed:#x}")


def check_one_segment(reader):
    wanted = 1 if reader.all_blocks() else 0
    require(len(reader.segments) == wanted, "CAN-3", "slot", f"{len(reader.segments)} segments")


def check_string_order(reader):
    for task in reader.tasks:
        values = [task.head.kind] + [file.name for file in task.files]
        values += [tensor.name for tensor in task.source_tensors]
        for pairs in (
            [(p.key, p.value) for p in task.metadata],
            [(t.module, t.parameter) for t in task.targets],
            [(p.key, p.value) for p in task.properties],
        ):
            values += [value for pair in pairs for value in pair]
        places, position = {"": 0}, 0
        for value in values:
            text = task.text(value)
            if text not in places:
                places[text] = position
                position += value[1]
            require(value[0] == places[text], "CAN-4", task.name, f"{text!r} at {value[0]}")
        require(position == len(task.strings), "CAN-4", task.name, "unused strings")


def check_block_order(reader):
    for task in reader.tasks:
        uses = [file.block for file in task.files]
        uses += [tensor.content for tensor in task.source_tensors if tensor.content_kind == 0]
        uses += [one.block for one in task.pool_ranges]
        for factor in task.factors:
            uses += [factor.index_block, factor.mixing_block]
        for term in task.terms:
            uses += [term.core_block, term.out_scale_block, term.in_scale_block]
        uses += [operand.block for operand in task.operands] + [task.head.base_block]
        first_uses = list(dict.fromkeys(use for use in uses if use != NONE))
        ordered = first_uses == list(range(len(task.blocks)))
        hashes = {block.content_hash for block in task.blocks}
        once = len(hashes) == len(task.blocks)
        require(ordered and once, "CAN-5", task.name, "order of the block table")
        position = 0
        rows = task.blocks + [t for t in task.source_tensors if t.content_kind == 1]
        for row in rows:
            require(row.first_dimension == position, "CAN-5", task.name, "order of dimensions")
            position += row.dimension_count
        for tensor in task.source_tensors:
            if tensor.content_kind == 0:
                same = tensor.first_dimension == task.blocks[tensor.content].first_dimension
                require(same, "CAN-5", task.name, "dimensions of a source tensor")
        require(position == len(task.dimensions), "CAN-5", task.name, "unused dimensions")


def check_stored_once(reader):
    seen = {}
    for task in reader.tasks:
        for block in task.blocks:
            if block.stored_length:
                first = seen.setdefault(block.content_hash, (task, block))
                if first[1].offset != block.offset:
                    same = reader.logical_bytes(*first) == reader.logical_bytes(task, block)
                    require(not same, "CAN-6", task.name, f"{first[1].offset}, {block.offset}")


def uses_of_blocks(reader):
    """For each offset the number of tasks that use the block."""
    uses = {}
    for task in reader.tasks:
        for offset in {block.offset for block in task.blocks if block.stored_length}:
            uses[offset] = uses.get(offset, 0) + 1
    return uses


def check_private_extents(reader):
    uses = uses_of_blocks(reader)
    for task in reader.tasks:
        own = [b for b in task.blocks if b.stored_length and uses[b.offset] == 1]
        start = min((b.offset for b in own), default=0)
        end = max((b.offset + b.stored_length for b in own), default=0)
        extent = (task.entry.private_offset, task.entry.private_length)
        require(extent == (start, end - start), "CAN-7", task.name, f"{extent}")


def check_region_order(reader):
    uses = uses_of_blocks(reader)
    shared, private = [], []
    for task in reader.tasks:
        for block in task.blocks:
            if block.stored_length:
                (private if uses[block.offset] == 1 else shared).append(block.offset)
    expected = list(dict.fromkeys(shared)) + private
    expected += [entry.record_offset for entry in reader.entries]
    expected += sorted(offset for offset, _ in reader.segments) + [reader.slot.directory_offset]
    found = [offset for offset, _, _, what in reader.regions() if what != "dead"]
    require(found == expected, "CAN-8", "regions", "not in the canonical order")


def check_headers_needed(reader):
    for task in reader.tasks:
        for number, file in enumerate(task.files):
            if file.header_form == 2:
                same = task.bytes_of(file.block) == standard_header(task.header_members(file))
                require(not same, "CAN-9", f"{task.name}: file {number}", "the header is standard")


CANONICAL = [
    check_fresh, check_features, check_one_segment, check_string_order, check_block_order,
    check_stored_once, check_private_extents, check_region_order, check_headers_needed,
]


# The program --------------------------------------------------------------------------------------


def read(path, canonical=False):
    """A reader that has verified the file."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    reader.verify(canonical)
    return reader


def describe(reader):
    slot = reader.slot
    return {
        "generation": slot.generation, "root_hash": hexadecimal(slot.root_hash),
        "committed_length": slot.committed_length,
        "blocks": len(reader.all_blocks()),
        "dead_bytes": sum(extent.length for extent in reader.dead),
        "tasks": [task.describe() for task in reader.tasks],
        "notes": reader.notes,
    }


def extract(reader, directory):
    for number, task in enumerate(reader.tasks):
        folder = os.path.join(directory, str(number))
        os.makedirs(folder, exist_ok=True)
        for file in task.files:
            content = task.bytes_of(file.block) if file.role == 2 else task.weights_file(file)
            with open(os.path.join(folder, task.text(file.name)), "wb") as out:
                out.write(content)


def main():
    parser = argparse.ArgumentParser(description="Reads and verifies a .mopz file.")
    parser.add_argument("file")
    parser.add_argument("--all", action="store_true", help="list every finding")
    parser.add_argument("--canonical", action="store_true", help="check the canonical form too")
    parser.add_argument("--extract", metavar="DIR", help="write the source files of every task")
    arguments = parser.parse_args()
    reader = read(arguments.file, arguments.canonical)
    for finding in reader.findings if arguments.all else reader.findings[:1]:
        print(finding)
    if reader.findings:
        sys.exit(1)
    if arguments.extract:
        extract(reader, arguments.extract)
    json.dump(describe(reader), sys.stdout, indent=2, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
