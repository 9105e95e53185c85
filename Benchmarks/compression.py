"""Sizes of adapters: raw and compressed containers beside tar, zstd and the entropy.

The adapters are the safetensors files below DIRECTORY, grouped by element type;
those in f32 are measured again rounded to bf16 and to f16. Sizes are shares of
the tensors' bytes; "blocks" is what the compressed tensors and configurations
take by themselves, without tables and gaps, which weigh where tensors are tiny.
The entropy is that of the bytes of each plane of each tensor by themselves (order
0), which no code of single bytes can beat on unrotated planes. Containers stay in
WORK, for speed to be measured on.

usage: compression.py MOPCTL DIRECTORY WORK
"""

import json
import os
import shutil
import struct
import subprocess
import sys

import numpy

WIDTHS = {"BF16": 2, "F16": 2, "F32": 4, "F64": 8, "I64": 8, "I32": 4}


def tensors(data):
    """(name, type, shape, bytes) in the order of the data."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    rows = [(*v["data_offsets"], k, v) for k, v in header.items() if k != "__metadata__"]
    for begin, end, name, value in sorted(rows, key=lambda row: row[:2]):
        yield name, value["dtype"], value["shape"], data[8 + length + begin : 8 + length + end]


def packed(rows):
    """The bytes of a safetensors file."""
    header, position = {}, 0
    for name, dtype, shape, data in rows:
        end = position + len(data)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(row[3] for row in rows)


def rounded(data, dtype):
    """f32 rounded to bf16 or f16, to nearest even."""
    if dtype == "F16":
        return numpy.frombuffer(data, "<f4").astype("<f2").tobytes()
    bits = numpy.frombuffer(data, "<u4").astype("<u8")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()


def in_type(narrow, name, dtype, shape, data):
    if dtype != "F32":
        return name, dtype, shape, data
    return name, narrow, shape, rounded(data, narrow)


def entropy(rows):
    total = 0.0
    for _, dtype, _, data in rows:
        width = WIDTHS.get(dtype, 1)
        for plane in numpy.frombuffer(data, "u1").reshape(-1, width).T if data else []:
            counts = numpy.bincount(plane)
            counts = counts[counts > 0]
            total += counts @ (numpy.log2(counts.sum()) - numpy.log2(counts)) / 8
    return total


def size_of(command):
    """The bytes that a command writes to its output."""
    process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE)
    count = sum(len(piece) for piece in iter(lambda: process.stdout.read(1 << 20), b""))
    return count if process.wait() == 0 else None


def groups(directory):
    """Adapters by their commonest type: {type: {name: (folder or file, rows)}}."""
    found = {}
    for folder, _, names in sorted(os.walk(directory)):
        for name in sorted(names):
            if not name.endswith(".safetensors"):
                continue
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                rows = list(tensors(file.read()))
            sizes = {}
            for _, dtype, _, data in rows:
                sizes[dtype] = sizes.get(dtype, 0) + len(data)
            common = max(sizes, key=sizes.get)
            source = folder if os.path.exists(f"{folder}/adapter_config.json") else path
            found.setdefault(common.lower(), {})[os.path.basename(folder)] = (source, rows)
    return found


def prepare(adapters, target, change):
    """Copies adapters to a directory of their own, and gives the arguments of convert."""
    shutil.rmtree(target, ignore_errors=True)
    arguments = []
    for name, (source, rows) in adapters.items():
        folder = f"{target}/{name}"
        os.makedirs(folder)
        single = os.path.isfile(source)
        weights = f"{folder}/{os.path.basename(source) if single else 'adapter_model.safetensors'}"
        if change:
            with open(weights, "wb") as file:
                file.write(packed(rows))
        elif single:
            shutil.copyfile(source, weights)
        if not single:
            shutil.copyfile(f"{source}/adapter_config.json", f"{folder}/adapter_config.json")
            if not change:
                names = [n for n in os.listdir(source) if n.endswith(".safetensors")]
                shutil.copyfile(f"{source}/{names[0]}", f"{folder}/{names[0]}")
        arguments.append(f"{name}={weights if single else folder}")
    return arguments


def measure(mopctl, work, group, adapters, change=False):
    target = f"{work}/{group}"
    arguments = []
    for argument in prepare(adapters, target, change):
        check = [mopctl, "convert", "-q", "--dry-run", argument, "-o", f"{target}.none"]
        if subprocess.run(check, capture_output=True).returncode == 0:
            arguments.append(argument)
        else:
            shutil.rmtree(f"{target}/{argument.split('=')[0]}")
    kept = {argument.split("=")[0] for argument in arguments}
    rows = [row for name in kept for row in adapters[name][1]]
    whole = sum(len(row[3]) for row in rows)
    if not whole:
        return
    sizes = [size_of(f"tar -C {target} -c .")]
    sizes += [size_of(f"tar -C {target} -c . | zstd -q -{level} -c") for level in (1, 19)]
    for options, ending in (([], "raw"), (["--compress"], "compressed")):
        path = f"{target}-{ending}.mopz"
        convert = [mopctl, "convert", "--json", "--force", *options, *arguments, "-o", path]
        report = json.loads(subprocess.run(convert, check=True, stdout=subprocess.PIPE).stdout)
        sizes.append(os.path.getsize(path))
    blocks = report["source_bytes"] - report["bytes_saved"] - report["bytes_compressed_away"]
    sizes += [blocks, entropy(rows)]
    cells = [f"{100 * size / whole:7.2f} %" if size else "        -" for size in sizes]
    print(f"{group:20} {len(kept):3} adapters {whole / 1e6:7.2f} MB  " + " ".join(cells))


def main():
    mopctl, directory, work = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    print(f"{'':20} {'':12} {'tensors':>10}   " + " ".join(
        f"{head:>9}" for head in ("tar", "zstd -1", "zstd -19", "raw", "compress", "blocks", "entropy")))
    for group, adapters in sorted(groups(directory).items()):
        measure(mopctl, work, group, adapters)
        if group == "f32":
            for narrow in ("BF16", "F16"):
                changed = {
                    name: (source, [in_type(narrow, *row) for row in rows])
                    for name, (source, rows) in adapters.items()
                }
                group = f"f32-rounded-to-{narrow.lower()}"
                measure(mopctl, work, group, changed, change=True)


if __name__ == "__main__":
    main()
