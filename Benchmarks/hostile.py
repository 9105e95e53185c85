#!/usr/bin/env python3
"""Time and peak memory of refusing, or reading, hostile files.

usage: hostile.py DIRECTORY DAMAGE_CHECK [PYTHON]

Writes the files into DIRECTORY (about 1.5 GB; gzip and zstd are needed), opens each one in a process of its own with the
program DAMAGE_CHECK (Benchmarks/Sources/damage-check), and safetensors files with the reference
library, where PYTHON has it. The time is that of the opening itself, the memory that of the
process (its largest resident set; mapped files count where they were touched).
"""

import json
import os
import struct
import subprocess
import sys
import tarfile
import zipfile

REFERENCE = """
import sys, time
from safetensors import safe_open
start = time.perf_counter()
try:
    with safe_open(sys.argv[1], framework="numpy") as file:
        said = f"read: {len(file.keys())} tensors"
except Exception as error:
    said = f"refused: {error}"[:160]
print(f"{(time.perf_counter() - start) * 1000:.1f}\\t{said}")
"""


def write(path, *parts):
    with open(path, "wb") as file:
        for part in parts:
            file.write(part)


def safetensors(path, header, data=b""):
    header += b" " * (-len(header) % 8)
    write(path, struct.pack("<Q", len(header)), header, data)


def header(count, begin=0):
    """Tensors without elements: legal, and as many as fit."""
    row = '"t%07d":{"dtype":"F32","shape":[0],"data_offsets":[%d,%d]}'
    return ",".join(row % (n, begin, begin) for n in range(count))


def make_safetensors(at):
    many = header(1_200_000)
    safetensors(at("1.2-million-tensors.safetensors"), ("{" + many + "}").encode())
    safetensors(
        at("name-twice-at-the-end.safetensors"),
        ("{" + many + ',"t0000000":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}').encode(),
    )
    write(at("header-longer-than-the-file.safetensors"), struct.pack("<Q", 99_999_999), b"{}")
    write(at("length-of-64-bits.safetensors"), struct.pack("<Q", (1 << 64) - 1), b"{}")
    safetensors(at("90-MB-of-spaces.safetensors"), b" " * 90_000_000 + b"{}")
    safetensors(
        at("90-MB-of-metadata.safetensors"),
        b'{"__metadata__":{"a":"' + b"x" * 90_000_000 + b'"}}',
    )
    safetensors(at("90-MB-of-brackets.safetensors"), b'{"a":' + b"[" * 90_000_000)
    safetensors(
        at("shape-of-40-million-dimensions.safetensors"),
        b'{"a":{"dtype":"F32","shape":[' + b"1," * 40_000_000
        + b'1],"data_offsets":[0,4]}}', b"\0" * 4,
    )


def make_json(at):
    write(at("10-million-brackets.json"), b"[" * 10_000_000)
    write(at("number-of-50-million-digits.json"), b"9" * 50_000_000)
    write(at("string-of-100-MB.json"), b'"', b"x" * 100_000_000, b'"')
    write(at("20-million-zeros.json"), b"[" + b"0," * 20_000_000 + b"0]")
    keys = ",".join('"k%d":0' % n for n in range(2_000_000))
    write(at("2-million-keys.json"), b"{", keys.encode(), b"}")
    rows = ",".join('"t%d":"model-1.safetensors"' % n for n in range(2_000_000))
    write(at("2-million-tensors.index.json"), b'{"weight_map":{', rows.encode(), b"}}")
    write(at("10-million.tokens.json"), b"[[" + b"1," * 10_000_000 + b"1]]")


def make_numpy(at):
    text = b"{'descr': '<i8', 'fortran_order': False, 'shape': (4611686018427387904, 2), }\n"
    write(at("2-to-the-63-tokens.npy"), b"\x93NUMPY\x01\x00", struct.pack("<H", len(text)), text)
    text = b"{" + b"} " * 32_000 + b"x"
    write(at("header-of-braces.npy"), b"\x93NUMPY\x01\x00", struct.pack("<H", len(text)), text)


def make_zips(at):
    with zipfile.ZipFile(at("4-GB-of-zeros.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        with z.open("adapter_model.safetensors", "w", force_zip64=True) as file:
            for _ in range(1024):
                file.write(bytes(4 << 20))
    with zipfile.ZipFile(at("100-thousand-entries.zip"), "w") as z:
        for n in range(100_000):
            z.writestr(f"{n}", b"")
    # 600 entries of 21 MB that are all the same 21 KB of the file.
    with zipfile.ZipFile(at("overlapping.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        z.writestr("0", bytes(21 << 20))
        first, = z.infolist()
        for n in range(1, 600):
            info = zipfile.ZipInfo(str(n))
            info.compress_type, info.CRC = first.compress_type, first.CRC
            info.file_size, info.compress_size = first.file_size, first.compress_size
            info.header_offset = first.header_offset
            z.filelist.append(info)
    # The dictionary's size stands in the contents: their header of 4 bytes, the properties, 4 bytes.
    lzma = at("lzma-dictionary-of-4-GB.zip")
    with zipfile.ZipFile(lzma, "w", zipfile.ZIP_LZMA) as z:
        z.writestr("a.safetensors", bytes(1 << 20))
    with open(lzma, "r+b") as file:
        file.seek(30 + len("a.safetensors") + 5)
        file.write(b"\xff\xff\xff\xff")


def make_tars(at):
    """What a header claims, and what comes without one: each to its compressor, and none whole."""
    piece = bytes(4 << 20)

    def header(name, size):
        info = tarfile.TarInfo(name)
        info.size = size
        return info.tobuf(tarfile.GNU_FORMAT)

    def compressed(name, program, parts):
        with open(at(name), "wb") as file:
            process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=file)
            for part in parts:
                process.stdin.write(part)
            process.stdin.close()
            if process.wait() != 0:
                sys.exit(f"{program[0]} failed")

    def zeros(pieces):
        return (piece for _ in range(pieces))

    def entries(count):
        for n in range(count):
            yield header(f"{n}.safetensors", 1 << 20)
            yield piece[: 1 << 20]
        yield bytes(1024)

    zstd, gzip = ["zstd", "-q", "-c"], ["gzip", "-9", "-c"]
    hundred = header("adapter_model.safetensors", 100 << 30)
    compressed("100-GB-claimed.tar.zst", zstd, [hundred, *zeros(2048)])
    four = header("adapter_model.safetensors", 4 << 30)
    compressed("4-GB-of-zeros.tar.gz", gzip, [four, *zeros(1024), bytes(1024)])
    compressed("4096-entries-of-1-MB.tar.gz", gzip, entries(4096))
    compressed("4096-entries-of-1-MB.tar.zst", zstd, entries(4096))
    one = [header("a.safetensors", 4), b"\0" * 512]
    compressed("8-GB-of-zeros-after-the-end.tar.zst", zstd, [*one, *zeros(2048)])
    compressed("250-MB-of-zeros.tar.zst", zstd, entries(250))


def make_archives(at):
    make_zips(at)
    make_tars(at)


def make_containers(at, program):
    """A small file with large numbers, and a large one with a million tasks."""
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "spec", "reference"))
    import make_verdicts

    fixture = os.path.join(make_verdicts.VALID, "worked-example.mopz")
    with open(fixture, "rb") as file:
        original = file.read()
    slot = make_verdicts.SLOT.unpack(original, 4096)
    record = make_verdicts.ENTRY.unpack(original, slot.directory_offset + 64).record_offset

    def variant(name, *edits):
        data = bytearray(original)
        for offset, code, value in edits:
            struct.pack_into("<" + code, data, offset, value)
        make_verdicts.reseal(data)
        write(at(name), data)

    directory = slot.directory_offset
    million = 1 << 20
    variant("a-million-tasks-in-13-KB.mopz", (4096 + 104, "Q", million),
            (directory + 8, "Q", million), (directory + 16, "Q", 64 + 96 * million))
    variant("16-million-tensors-in-13-KB.mopz", (record + 64 + 8 * 4 + 4, "I", 1 << 24))
    variant("4-billion-dimensions-in-13-KB.mopz", (record + 64 + 8 * 2 + 4, "I", 0xFFFFFFFF))
    variant("record-of-1-GB-in-13-KB.mopz", (directory + 64 + 16, "Q", 1 << 30))
    large = at("1-million-tasks.mopz")
    if not os.path.exists(large):
        subprocess.run([program, "many", large, str(million)], check=True, stdout=sys.stderr)
    link = at("1-million-tasks.verify.mopz")
    if not os.path.exists(link):
        os.link(large, link)


def make(at, program):
    make_safetensors(at)
    make_json(at)
    make_numpy(at)
    make_archives(at)
    make_containers(at, program)


def measured(command):
    """What a process prints, and its largest resident set in MB."""
    read, write_end = os.pipe()
    pid = os.posix_spawn(
        command[0], command, dict(os.environ, OPENBLAS_NUM_THREADS="1"),
        file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)])
    os.close(write_end)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    return text.strip() if status == 0 else f"-\tENDED WITH {status}", usage.ru_maxrss / 1024


def row(directory, text, memory):
    time, said = text.split("\t", 1)
    said = said.replace(os.path.abspath(directory) + "/", "").replace("|", "\\|")
    return f"{time} ms", f"{memory:.0f} MB", said.replace("\n", " ")


def main():
    directory, program = sys.argv[1], os.path.abspath(sys.argv[2])
    python = sys.argv[3] if len(sys.argv) > 3 else None
    os.makedirs(directory, exist_ok=True)
    at = lambda name: os.path.join(os.path.abspath(directory), name)
    stamp = at("complete")
    # In a process of its own: a process begins with its parent's peak, so this one stays small.
    if not os.path.exists(stamp) and os.fork() == 0:
        make(at, program)
        write(stamp, b"")
        os._exit(0)
    if not os.path.exists(stamp) and os.wait()[1] != 0:
        sys.exit("the files could not be made")
    print("| file | bytes | time | peak memory | verdict | reference: time | peak memory | verdict |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: | --- |")
    for name in sorted(os.listdir(directory)):
        path = at(name)
        if path == stamp:
            continue
        time, memory, said = row(directory, *measured([program, "open", path]))
        other = "", "", ""
        if python and name.endswith(".safetensors"):
            other = row(directory, *measured([python, "-c", REFERENCE, path]))
        size = os.path.getsize(path)
        print(f"| `{name}` | {size:,} | {time} | {memory} | {said} | " + " | ".join(other) + " |",
              flush=True)


if __name__ == "__main__":
    main()
