#!/usr/bin/env python3
"""Damages the valid fixtures in many ways, and writes down what the reference reader finds first.

    make_verdicts.py [--count N] [--seed S]       lines to standard output

A line is: a file of fixtures/valid, its edits, the first broken rule or `none`, with tabs between.
Edits are `offset:hexadecimal` for bytes that are replaced and `=length` for a file that is cut off
or goes on with bytes 0xA5, joined by semicolons. The canonical form is asked for. Half of the files
are resealed: their hashes are made anew, so that the rules behind the hashes are met.

fixtures/verdicts.tsv is `make_verdicts.py --count 1500`; the tests of the Swift reader hold it
against the same lines.
"""

import argparse
import os
import random
import struct

import read_mopz
from read_mopz import BLOCK, DIRECTORY, ENTRY, HEADER_SIZE, PAGE, RECORD, SLOT, hash64, hash128

VALID = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "fixtures", "valid")

# Numbers that overflow sums, products and indices, or mean none.
EXTREMES = [
    0, 1, 2, 3, 4, 5, 7, 8, 63, 64, 255, 4096, 12288, 65535, 65536, 1 << 31, (1 << 31) - 1,
    0xFFFFFFFE, 0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 64,
    (1 << 64) - 1,
]


def fits(offset, length, data):
    return offset + length <= len(data)


def reseal(data):
    """Makes the hashes of slots, directories, entries, records and index segments anew."""
    for start in (PAGE, 2 * PAGE):
        slot = SLOT.unpack(data, start)
        place = slot.directory_offset, slot.directory_length
        if slot.slot_magic != b"MOPZSLOT" or place[1] < 64 or not fits(*place, data):
            continue
        reseal_entries(data, *place)
        struct.pack_into("<Q", data, place[0] + 48, hash64(data[place[0] : place[0] + 48]))
        data[start + 40 : start + 56] = hash128(data[place[0] : sum(place)])
        reseal_index(data, start)
        data[start + 112 : start + 128] = hash128(data[start : start + 112])


def reseal_entries(data, offset, length):
    directory = DIRECTORY.unpack(data, offset)
    for k in range(min(directory.task_count, (length - 64) // 96)):
        start = offset + 64 + 96 * k
        entry = ENTRY.unpack(data, start)
        if fits(entry.record_offset, entry.record_length, data):
            record = data[entry.record_offset : entry.record_offset + entry.record_length]
            data[start + 24 : start + 40] = hash128(record)
        name = directory.names_offset + entry.name_offset
        if name + entry.name_length <= length:
            text = data[offset + name : offset + name + entry.name_length]
            struct.pack_into("<Q", data, start + 88, hash64(data[start : start + 88] + text))


def reseal_index(data, slot):
    """From the oldest segment on, so that each hash is there for the next."""
    chain, place = [], slot + 56
    offset, length = struct.unpack_from("<QQ", data, place)
    while length >= 64 and fits(offset, length, data) and (not chain or offset < chain[-1][0]):
        chain.append((offset, length, place))
        place = offset + 16
        offset, length = struct.unpack_from("<QQ", data, place)
    for offset, length, place in reversed(chain):
        data[place + 16 : place + 32] = hash128(data[offset : offset + length])


def structure(data):
    """Ranges that hold tables: slots, directory, segments, records; and the blocks."""
    reader = read_mopz.Reader(bytes(data))
    reader.verify()
    slot = reader.slot
    unused = reader.slots_unused
    tables = [(start, 128) for k, start in enumerate((PAGE, 2 * PAGE)) if not unused[k]]
    tables += [(slot.directory_offset, slot.directory_length)] + reader.segments
    for task in reader.tasks:
        tables += 4 * [(task.entry.record_offset, task.entry.record_length)]
    blocks = [(b.offset, b.stored_length) for b in reader.all_blocks().values()]
    return tables, blocks


def edit(random_source, data, tables, blocks):
    """Changes a few bytes in place."""
    choice = random_source.random()
    if choice < 0.1 or not tables:
        offset = random_source.randrange(len(data))
        data[offset] ^= 1 << random_source.randrange(8)
    elif choice < 0.2 and blocks:
        offset, length = random_source.choice(blocks)
        data[offset + random_source.randrange(length)] ^= 1 << random_source.randrange(8)
    elif choice < 0.3:
        start, length = random_source.choice(tables)
        data[start + random_source.randrange(length)] ^= 1 << random_source.randrange(8)
    else:
        start, length = random_source.choice(tables)
        width = random_source.choice([1, 2, 4, 4, 8])
        offset = (start + random_source.randrange(length)) // width * width
        old = int.from_bytes(data[offset : offset + width], "little")
        new = random_source.choice(
            [old + 1, old - 1, old + 64, old - 64, old * 2, old // 2]
            + random_source.sample(EXTREMES, 6)
        )
        if random_source.random() < 0.2:  # A number that stands elsewhere.
            start, length = random_source.choice(tables)
            other = (start + random_source.randrange(length)) // width * width
            new = int.from_bytes(data[other : other + width], "little")
        data[offset : offset + width] = (new % (1 << 8 * width)).to_bytes(width, "little")


def differences(before, after):
    """The edits that make one of the other."""
    runs, common = [], min(len(before), len(after))
    offset = 0
    while offset < common:
        if before[offset] == after[offset]:
            offset += 1
            continue
        end = offset
        while end < common and before[end] != after[end]:
            end += 1
        runs.append(f"{offset}:{bytes(after[offset:end]).hex()}")
        offset = end
    if len(before) != len(after):
        runs.append(f"={len(after)}")
    return ";".join(runs)


def damaged(random_source, original, places):
    data = bytearray(original)
    if random_source.random() < 0.04:
        length = random_source.randrange(len(data) + 200)
        return data[:length] + b"\xA5" * (length - len(data))
    for _ in range(random_source.choice([1, 1, 1, 2, 3])):
        edit(random_source, data, *places)
    if random_source.random() < 0.75:
        reseal(data)
    return data


def first_rule(data):
    reader = read_mopz.Reader(bytes(data))
    reader.verify(canonical=True)
    return reader.findings[0].rule if reader.findings else "none"


def main():
    parser = argparse.ArgumentParser(description="Verdicts over damaged containers.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random_source = random.Random(arguments.seed)
    names = sorted(name for name in os.listdir(VALID) if name.endswith(".mopz"))
    files = {}
    for name in names:
        with open(os.path.join(VALID, name), "rb") as file:
            data = file.read()
        if len(data) < 40_000:
            files[name] = (data, structure(data))
    written = 0
    while written < arguments.count:
        name = random_source.choice(list(files))
        data, places = files[name]
        other = damaged(random_source, data, places)
        edits = differences(data, other)
        if len(edits) > 600 or not edits:
            continue
        print(name, edits, first_rule(other), sep="\t")
        written += 1


if __name__ == "__main__":
    main()
