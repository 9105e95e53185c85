"""Small containers for tests: valid ones by feature, and one or more defects for each rule.

`VALID` maps a name to a function that gives the file's bytes; `DEFECTS` is a list of (rule, name,
function). A defective file breaks its rule and no other, in the order of checks of §9.5.
"""

import struct
from functools import partial

import read_mopz as mopz
import write_mopz as writer
from read_mopz import CODE, HEADER_SIZE, NONE, PAGE, hash64, hash128
from write_mopz import (
    Block, File, Task, config_file, factor, floats, lora, pool, pool_range, row, target, tensor,
    term, weights_file,
)

VALID = {}
DEFECTS = []


def valid(name):
    def register(make):
        VALID[name] = make
        return make

    return register


def defect(rule, name):
    def register(make):
        DEFECTS.append((rule, name, make))
        return make

    return register


# Changing a finished file -------------------------------------------------------------------------


def place_of_entry(file, number):
    return file.directory[0] + 64 + 96 * number


def seal(file, entries=True, head=True, directory=True):
    """Makes the hashes right again, from the entries up to the slot."""
    data, (start, length) = file.data, file.directory
    if entries:
        for number, entry in enumerate(file.entries):
            place = place_of_entry(file, number)
            found = mopz.ENTRY.unpack(data, place)
            heap = start + 64 + 96 * len(file.entries)
            name = data[heap + found.name_offset :][: found.name_length]
            struct.pack_into("<Q", data, place + 88, hash64(bytes(data[place : place + 88] + name)))
    if head:
        struct.pack_into("<Q", data, start + 48, hash64(bytes(data[start : start + 48])))
    if directory:
        file.slot.directory_hash = hash128(bytes(data[start : start + length]))
    file.data[PAGE : PAGE + 128] = writer.pack_slot(file.slot)
    return bytes(file.data)


def with_slot(file, **changes):
    vars(file.slot).update(changes)
    file.data[PAGE : PAGE + 128] = writer.pack_slot(file.slot)
    return bytes(file.data)


def with_bytes(file, offset, data):
    file.data[offset : offset + len(data)] = data
    return file


def with_entry(file, number, **changes):
    """The file with other fields in an entry."""
    place = place_of_entry(file, number)
    entry = mopz.ENTRY.unpack(file.data, place)
    vars(entry).update(changes)
    return seal(with_bytes(file, place, mopz.ENTRY.pack(entry)))


def in_directory(offset, data, **how):
    file = two_tasks()
    return seal(with_bytes(file, file.directory[0] + offset, data), **how)


def two_tasks(**more):
    return File([lora("first", **more), lora("second", 32.0)])


def edited(edit, make=None):
    """A file of one task, whose tables an edit changes."""
    task = make() if make else lora("task")
    task.edit = edit
    return bytes(File([task]).data)


def changed(table, number, make=None, **changes):
    """A file of one task with other fields in an element of a table."""

    def edit(record):
        vars(record.tables[table][number]).update(changes)

    return edited(edit, make)


def patched_record(offset, data):
    task = lora("task")
    task.edit_bytes = lambda record: record[:offset] + data + record[offset + len(data) :]
    return bytes(File([task]).data)


# Valid files --------------------------------------------------------------------------------------


@valid("no-tasks")
def no_tasks():
    return bytes(File([]).data)


def smallest_task():
    task = Task("t")
    down, up = Block("F16", (1, 2), b"\x00\x3c\x00\x40"), Block("F16", (2, 1), b"\x00\x3c\x00\x42")
    task.tensors = [tensor("q.lora_A.weight", down), tensor("q.lora_B.weight", up)]
    task.ranges = [pool_range(down, 1, 1), pool_range(up, 2, 1)]
    task.pools = [pool(2, 0), pool(2, 1)]
    task.factors = [factor(0, 1, 2, 1), factor(1, 1, 2, 2)]
    task.terms, task.targets = [term(0, 1, 0.5)], [target("q")]
    task.files = [weights_file(2)]
    return task


@valid("worked-example")
def worked_example():
    """The example of Appendix A."""
    return bytes(File([smallest_task()]).data)


@valid("shared-blocks")
def shared_blocks():
    tasks = [lora("first", modules=("q", "k")), lora("second", modules=("q", "v"))]
    tasks.append(lora("third", 9.0))
    record = writer.base_record("TinyModel", [("k", CODE["F32"], (4, 6)), ("q", CODE["BF16"], ())])
    for task in tasks[:2]:
        task.base = record
    return bytes(File(tasks).data)


PREFIX = "base_model.model.q_proj.lora_"


def magnitude_task():
    task = lora("dora", kind="dora")
    magnitude = floats((4,), 1.0)
    task.tensors.append(tensor("base_model.model.q_proj.lora_magnitude_vector", magnitude))
    task.files[1].tensor_count = 3
    task.operands = [row(role=1, block=magnitude)]
    task.targets = [target("q_proj", 2, operands=(0, 1))]
    return task


def stored_header(members, space=b"\n"):
    return space + mopz.standard_header(members).rstrip() + space


def members(shapes):
    """Header members of F32 tensors."""
    out, position = [], 0
    for name, shape in shapes:
        end = position + 4 * shape[0] * shape[1]
        facts = [("dtype", "F32"), ("shape", list(shape)), ("data_offsets", [position, end])]
        out.append((name, facts))
        position = end
    return out


def stored_header_task(header=None):
    task = lora("stored")
    prefix = "base_model.model.q_proj.lora_"
    shapes = [(prefix + "A.weight", (2, 6)), (prefix + "B.weight", (4, 2))]
    if header is None:
        header = stored_header(members(shapes))
    task.files[1] = weights_file(2, header_form=2, block=("U8", (len(header),), header))
    task.metadata = []
    return task


HEADERS = {
    "null-metadata": '{"__metadata__":null,A,B}',
    "order": '{B,A}',
    "metadata-last": '{A,B,"__metadata__":{}}',
    "escapes": '{A,B}  ',
    "spaces": ' { A ,\t\r\n B } ',
}


def headers_task(name, text):
    """A stored header with members in some order and spelling."""
    first = '"\\u0062ase_model.model.q_proj.lora_A.weight"' if name == "escapes" else None
    first = first or f'"{PREFIX}A.weight"'
    facts = '{"data_offsets":[0,48],"shape":[2,6],"dtype":"F32"}'
    text = text.replace("A", "@").replace("B", f'"{PREFIX}B.weight":' + (
        '{"dtype":"F32","shape":[4,2],"data_offsets":[48,80]}'))
    task = stored_header_task(text.replace("@", f"{first}:{facts}").encode())
    task.name = name
    if name == "metadata-last":
        task.files[1].metadata_count = 0
    return task


@valid("stored-headers")
def stored_headers():
    return bytes(File([headers_task(name, text) for name, text in HEADERS.items()]).data)


def replacement_task():
    task = lora("everything", modules=("q", "v"))
    bias, rows, places = floats((4,), 3.0), floats((2, 6), 5.0), Block("I64", (2,), bytes(16))
    delta, empty, alpha = floats((3,), 7.0), Block("BF16", (0, 3), b""), Block("F32", (), bytes(4))
    task.tensors += [
        tensor("bias", bias), tensor("rows", rows), tensor("delta", delta),
        tensor("empty", empty, disposition=3), tensor("alpha", alpha, disposition=4),
        tensor("prompt", floats((1, 3), 2.0), disposition=2),
    ]
    task.files[1].tensor_count = 10
    task.operands = [
        row(role=2, block=bias), row(role=2, block=rows), row(role=3, block=places),
        row(role=2, block=delta),
    ]
    task.scalars = [row(role=2, value=0.25), row(role=1, value=-1.0)]
    task.targets[0].scalar_count = 1
    task.targets[1].first_scalar = 1
    task.targets += [
        target("q", 3, (2, 0), (0, 1), (1, 0), parameter="bias", layout=6),
        target("embed", 5, (2, 0), (1, 2), (1, 0), layout=6),
        target("norm", 4, (2, 0), (3, 1), (1, 1), layout=6),
    ]
    return task


@valid("target-kinds")
def target_kinds():
    return bytes(File([magnitude_task(), replacement_task(), stored_header_task()]).data)


def shards_task(table=(0, 3, 255, 2), dtype="U8", mix=1, **more):
    """A mixture of shards: rank 2, two chunks of three, five shards, one zero shard."""
    task = Task("shards", kind="mixture-of-shards")
    public, private, up = floats((3, 3)), floats((2, 3), 20.0), floats((4, 2), 30.0)
    code = {"U8": "B", "I32": "i"}[dtype]
    index = Block(dtype, (len(table),), struct.pack(f"<{len(table)}{code}", *table))
    task.tensors = [
        tensor("pool", public), tensor("private", private), tensor("index", index),
        tensor("up", up), tensor("down", 0, dtype="F32", shape=(2, 5)),
    ]
    task.files = [weights_file(5)]
    task.ranges = [
        pool_range(public, 1, 3, visibility=1), pool_range(private, 1, 2), pool_range(up, 2, 2)
    ]
    task.pools = [pool(3, 0, 2), pool(4, 2)]
    explicit = dict(chunk_count=2, index_kind=2, index_block=index, mix_count=mix)
    explicit.update(more)
    task.factors = [factor(0, 2, 5, 1, **explicit), factor(1, 2, 4, 2)]
    task.terms, task.targets = [term(0, 1)], [target("q")]
    return task


@valid("mixture-of-shards")
def mixture_of_shards():
    signed = shards_task((0, 3, -1, 2), "I32")
    signed.name = "signed"
    return bytes(File([shards_task(), signed]).data)


def mixed_task():
    """A vector bank: softmax-top, complement, weights, affine; diagonal and dense cores."""
    task = Task("bank", kind="vector-bank")
    bank, logits = floats((6, 2)), floats((2, 2, 6), 1.0)
    index = Block("U16", (2, 2, 2), struct.pack("<8H", 0, 1, 2, 3, 4, 5, 0xFFFF, 1))
    weights, first = floats((2, 2, 2), 2.0), floats((2, 2, 1), 3.0)
    task.tensors = [tensor("bank", bank), tensor("logits", logits)]
    task.files = [weights_file(2)]
    task.ranges, task.pools = [pool_range(bank, 1, 6, visibility=1)], [pool(2, 0)]
    chunks = dict(chunk_count=2)
    task.factors = [
        factor(0, 2, 4, 1, mix_count=3, mixing_kind=3, mixing_block=logits, **chunks),
        factor(0, 2, 3, 2, mix_count=2, mixing_kind=1, mixing_block=weights, index_kind=2,
               index_block=index, **chunks),
        factor(0, 2, 4, 1, mix_count=2, mixing_kind=2, mixing_block=first, index_kind=2,
               index_block=index, **chunks),
        factor(0, 3, 3, 2, index_kind=1, affine_offset=5, affine_row_step=NONE,
               affine_chunk_step=1, affine_modulus=6, **chunks),
    ]
    task.terms = [
        term(0, 1, -2.0, 1, floats((2,), 4.0), floats((3,), 5.0), floats((4,), 6.0)),
        term(2, 3, 0.0, 2, floats((3, 2), 7.0)),
    ]
    task.targets = [target("q", terms=(0, 2))]
    return task


@valid("index-tables-and-mixing")
def index_tables_and_mixing():
    return bytes(File([mixed_task()]).data)


def other_kinds_task():
    task = Task("kinds", kind="many-kinds")
    rows = [
        (6, [(2, floats((4, 1)))], []),
        (7, [(role, floats((2, 2), role)) for role in (4, 5, 6, 7)], [(1, 0.5)]),
        (8, [(4, floats((2, 2))), (6, floats((2, 3)))], [(1, 1.0)]),
        (9, [(2, floats((3,))), (3, Block("I32", (2, 3), bytes(24)))], [(1, 1.0)]),
        (10, [(2, floats((3,))), (3, Block("I64", (3,), bytes(24)))], [(1, 150.0)]),
        (11, [(2, floats((3, 6)))], [(3, 2.0), (4, 5.0)]),
    ]
    for kind, operands, scalars in rows:
        places = (len(task.operands), len(operands)), (len(task.scalars), len(scalars))
        task.targets.append(target(f"m{kind}", kind, (0, 0), *places))
        task.operands += [row(role=role, block=block) for role, block in operands]
        task.scalars += [row(role=role, value=value) for role, value in scalars]
    return task


@valid("kinds-that-are-carried")
def kinds_that_are_carried():
    return bytes(File([other_kinds_task()]).data)


def block_task(*blocks, **more):
    """A task that replaces parameters, one for each block."""
    task = Task("blocks", **more)
    for number, block in enumerate(blocks):
        task.tensors.append(tensor(f"t{number}", block))
        task.operands.append(row(role=2, block=block))
        task.targets.append(target(f"m{number}", 3, (0, 0), (number, 1), layout=6))
    task.files = [weights_file(len(blocks))]
    return task


def f32(*patterns):
    return struct.pack(f"<{len(patterns)}I", *patterns)


SPECIAL = (0, 0x80000000, 0x3F800000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F810000, 0xFFC10000)


def narrow_blocks(codec):
    """bf16 and f16 values in F32, f32 in F64, among them signalling NaN and subnormals."""
    halves = f32(0x3F800000, 0x33800000, 0x387FC000, 0x477FE000, 0x7F802000, 0xFFC02000, 0x80000000)
    doubles = struct.pack(
        "<4Q", 0x3FF0000000000000, 0x7FF0000020000000, 0x36A0000000000000, 0xFFF8000000000000
    )
    return [
        Block("F32", (2, 4), f32(*SPECIAL), codec, "BF16"),
        Block("F32", (7,), halves, codec, "F16"),
        Block("F64", (4,), doubles, codec, "F32"),
    ]


@valid("narrower-types")
def narrower_types():
    return bytes(File([block_task(*narrow_blocks(mopz.RAW))]).data)


TEXT = 2 * (
    b"A pool is an ordered list of vectors, all of the same length, numbered from zero through "
    b"its ranges in order. Pools of different tasks share what their ranges have in common: "
    b"the blocks. A vector that is a piece of a row or column is called a shard; a factor is "
    b"put together from a pool, and a term is a product of two factors, with a scaling and "
    b"perhaps a core between them. "
)
# By zstd 1.5.4 at level 19 with a checksum: Huffman literals, sequences with their own tables.
writer.FRAMES[TEXT] = bytes.fromhex(
    "28b52ffd64f0016d070026122f16a0ab3100099155acb6dbb2fdeb368d9f537889a81a3528002800280018cd"
    "a42606e3b081b40ac33532d7c6b427f95a37d034f7c0e724dfa6d6082a229ab3bba9576633114c1e33353e97"
    "5461daf71234eaa5765bdaedcb50314914d2566671a06ea8b0d3dbaa93e2a4a63d35a8e4be4e7353977c0fc8"
    "8de05a77dcd48c71561e6b0ea57e27391ea89af7d24e1cb4e5c865082c99070ca69d21428bc6a8797cb7e692"
    "62a330b5ee68df691534d012dac3415219c5fd46d80d9c62da1000d5ed2de56a15cb881c21db74192e37565c"
    "4f9b2ac4edbed15ed1841e591e05d32abc7a026bdb05e74215941908dfec41"
)


def zeros_block(count):
    return Block("U8", (count,), bytes(count), mopz.PLANES)


def planes_block():
    data = b"".join(struct.pack("<H", 0x3C00 + k * 7919 % 127) for k in range(300))
    return Block("F16", (20, 15), data, mopz.PLANES)


@valid("planes")
def planes():
    zeros = Block("F32", (40, 5), bytes(800), mopz.PLANES)
    text = Block("U8", (len(TEXT),), TEXT, mopz.PLANES)
    blocks = [planes_block(), zeros, text, *narrow_blocks(mopz.PLANES)]
    return bytes(File([block_task(*blocks)]).data)


def rows_int8_block(dtype="F32", scales=(0.5, -0.001), padding=bytes(56)):
    stored = struct.pack("<2f", *scales) + padding + struct.pack("<6b", 1, -128, 127, 0, -1, 77)
    return Block(dtype, (2, 3), stored, mopz.ROWS_INT8)


@valid("rows-int8")
def rows_int8():
    blocks = [rows_int8_block(dtype) for dtype in ("F32", "F16", "BF16")]
    return bytes(File([block_task(*blocks)]).data)


@valid("every-type")
def every_type():
    sizes = {4: (8, 4), 6: (4, 3), 8: (3, 3), 16: (3, 6), 32: (3, 12), 64: (3, 24)}
    blocks = []
    for code, (name, width) in mopz.DTYPES.items():
        count, length = sizes[width]
        blocks.append(Block(name, (count,), bytes([code] * length)))
    return bytes(File([block_task(*blocks)]).data)


@valid("names")
def names():
    texts = ["a/b", "..", "ä", "𝄞 clef", "x" * 255, "#@", " "]
    return bytes(File([lora(text, 8.0 * k) for k, text in enumerate(texts)]).data)


@valid("large-blocks")
def large_blocks():
    page = Block("U8", (1 << 16,), bytes(1 << 16))
    almost = Block("U8", ((1 << 16) - 1,), b"\x01" * ((1 << 16) - 1))
    return bytes(File([block_task(almost, page)]).data)


def second_commit(file, keep, added):
    """Appends a commit: tasks of the file that stay, and new ones without sharing."""
    stay = [entry for entry in file.entries if entry.name in keep]
    file.live = [record for record in getattr(file, "live", file.records)]
    file.live = [record for record in file.live if writer.name_of(record.task) in keep]
    file.segments = getattr(file, "segments", []) + [file.index[:2]]
    file.records = [writer.RecordBuilder(task).build() for task in added]
    file.write_blocks()
    file.write_records()
    previous = file.index
    file.write_index(previous)
    file.live += file.records
    file.entries = stay + [file.entry(record) for record in file.records]
    file.entries.sort(key=lambda entry: entry.name)
    regions = file.segments + [file.index[:2]]
    for record in file.live:
        regions.append((record.offset, len(record.data)))
        regions += [(b.offset, b.stored_length) for b in record.tables["blocks"] if b.stored_length]
    file.dead = gaps(regions, file.directory[0] + file.directory[1])
    file.generation += 1
    file.write_directory()
    file.write_slot()
    return file


def gaps(regions, end):
    """What lies between regions up to an end, from multiples of 64 on."""
    out, position = [], HEADER_SIZE
    for offset, length in sorted(set(regions)) + [(end, 0)]:
        start = mopz.roundup(position, 64)
        if start < offset:
            out.append((start, offset - start))
        position = max(position, offset + length)
    return out


@valid("two-generations")
def two_generations():
    file = File([lora("first"), lora("second", 32.0)])
    return bytes(second_commit(file, [b"second"], [lora("added", 64.0)]).data)


@valid("three-generations-and-a-tail")
def three_generations():
    file = second_commit(two_tasks(), [b"first", b"second"], [lora("added", 64.0)])
    second_commit(file, [b"added"], [])
    return bytes(file.data) + b"left by a crash"


@valid("later-minor-version")
def later_minor_version():
    """An addition that this version may overlook: an ignorable bit, and reserved bytes in use."""

    def edit(record):
        record.tables["extensions"] = [b"more"]
        record.tables["targets"][0].reserved = b"\x01" + bytes(15)

    task = lora("task")
    task.edit = edit
    file = File([task])
    file.data[:32] = writer.header(minor=7)
    file.slot.ignorable_features = 1 << 40
    place = place_of_entry(file, 0)
    return seal(with_bytes(file, place + 80, b"\x01"))


# §5.1, §5.2 ---------------------------------------------------------------------------------------


@defect("HDR-1", "magic")
def _():
    return bytes(with_bytes(two_tasks(), 0, b"\x8c").data)


@defect("HDR-1", "empty-file")
def _():
    return b""


@defect("HDR-2", "short-file")
def _():
    return bytes(two_tasks().data[: HEADER_SIZE - 1])


@defect("HDR-3", "header-hash")
def _():
    return bytes(with_bytes(two_tasks(), 10, b"\x01").data)


@defect("HDR-4", "major-version")
def _():
    return bytes(with_bytes(two_tasks(), 0, writer.header(major=2)).data)


@defect("HDR-5", "header-size")
def _():
    return bytes(with_bytes(two_tasks(), 0, writer.header(header_size=PAGE)).data)


@defect("HDR-5", "reserved-byte")
def _():
    return bytes(with_bytes(two_tasks(), PAGE - 1, b"\x01").data)


@defect("SLT-1", "no-slot")
def _():
    return bytes(with_bytes(two_tasks(), PAGE, bytes(PAGE)).data)


@defect("SLT-2", "slot-magic")
def _():
    return with_slot(two_tasks(), slot_magic=b"MOPZSLAT")


@defect("SLT-3", "root-hash")
def _():
    return bytes(with_bytes(two_tasks(), PAGE + 16, b"\xff").data)


@defect("SLT-3", "torn-newest-slot")
def _():
    file = second_commit(two_tasks(), [b"first", b"second"], [lora("added", 64.0)])
    return bytes(with_bytes(file, 2 * PAGE + 64, bytes(64)).data)


@defect("SLT-4", "reserved-byte")
def _():
    return bytes(with_bytes(two_tasks(), PAGE + 128, b"\x01").data)


@defect("SLT-5", "generation-in-wrong-slot")
def _():
    return with_slot(two_tasks(), generation=2)


@defect("SLT-6", "generations-apart")
def _():
    file = two_tasks()
    slot = row(**vars(file.slot))
    slot.generation = 4
    return bytes(with_bytes(file, 2 * PAGE, writer.pack_slot(slot)).data)


@defect("SLT-7", "unknown-feature")
def _():
    return with_slot(two_tasks(), required_features=8)


@defect("SLT-8", "cut-off")
def _():
    return bytes(two_tasks().data[:-1])


@defect("SLT-8", "length-in-header")
def _():
    return with_slot(two_tasks(), committed_length=HEADER_SIZE - 1)


@defect("SLT-9", "directory-misaligned")
def _():
    file = two_tasks()
    return with_slot(file, directory_offset=file.directory[0] + 8, directory_length=64)


@defect("SLT-9", "directory-past-the-end")
def _():
    return with_slot(two_tasks(), directory_length=(1 << 64) - 64)


@defect("SLT-10", "index-without-offset")
def _():
    return with_slot(two_tasks(), block_index_offset=0)


@defect("SLT-10", "index-past-the-end")
def _():
    return with_slot(two_tasks(), block_index_length=1 << 40)


@defect("LIM-1", "tasks")
def _():
    return with_slot(two_tasks(), task_count=(1 << 20) + 1)


# §5.3 ---------------------------------------------------------------------------------------------


@defect("DIR-1", "directory-magic")
def _():
    return in_directory(0, b"m")


@defect("DIR-2", "header-hash")
def _():
    return in_directory(48, b"hash", head=False)


@defect("DIR-3", "task-count")
def _():
    return with_slot(two_tasks(), task_count=3)


@defect("DIR-4", "dead-offset")
def _():
    return in_directory(32, struct.pack("<Q", 1 << 63), entries=False)


@defect("DIR-4", "names-length")
def _():
    return in_directory(24, struct.pack("<Q", (1 << 64) - 1), entries=False)


@defect("DIR-5", "header")
def _():
    return in_directory(63, b"\x01")


@defect("DIR-5", "entry")
def _():
    return in_directory(64 + 80, b"\x01")


@defect("DIR-5", "flag")
def _():
    return in_directory(64 + 6, b"\x02")


@defect("DIR-5", "padding")
def _():
    return in_directory(64 + 2 * 96 + 11, b"\x01")


@defect("DIR-6", "name-outside")
def _():
    return in_directory(64, struct.pack("<I", 1 << 31))


@defect("DIR-7", "entry-hash")
def _():
    return in_directory(64 + 72, b"\x99", entries=False)


@defect("DIR-8", "control-character")
def _():
    return bytes(File([lora("a\u0085b")]).data)


@defect("DIR-8", "not-utf8")
def _():
    return bytes(File([lora(b"a\xff")]).data)


@defect("DIR-8", "empty-name")
def _():
    return bytes(File([lora("")]).data)


@defect("LIM-2", "record")
def _():
    return with_entry(two_tasks(), 0, record_length=(1 << 30) + 8)


@defect("DIR-9", "record-misaligned")
def _():
    file = two_tasks()
    return with_entry(file, 0, record_offset=file.records[0].offset + 8)


@defect("DIR-9", "record-past-the-end")
def _():
    return with_entry(two_tasks(), 1, record_offset=(1 << 64) - 64)


@defect("DIR-10", "private-extent-without-length")
def _():
    return with_entry(two_tasks(), 0, private_length=0)


@defect("DIR-10", "private-extent-past-the-end")
def _():
    return with_entry(two_tasks(), 0, private_length=(1 << 64) - HEADER_SIZE)


@defect("DIR-11", "directory-hash")
def _():
    return with_slot(two_tasks(), directory_hash=bytes(16))


def directory_of(file, **how):
    """The file with a new directory in place of the old one."""
    del file.data[file.directory[0] :]
    file.write_directory(**how)
    file.write_slot()
    return bytes(file.data)


@defect("DIR-12", "order")
def _():
    file = two_tasks()
    file.entries.reverse()
    return directory_of(file)


@defect("DIR-12", "name-twice")
def _():
    return bytes(File([lora("same"), lora("same", 32.0)]).data)


@defect("DIR-13", "heap-order")
def _():
    file = File([lora("a"), lora("b", 32.0)])
    start = file.directory[0]
    file.data[start + 64 + 192 : start + 64 + 194] = b"ba"
    file.data[start + 64] = 1
    file.data[start + 64 + 96] = 0
    return seal(file)


@defect("DIR-14", "empty-extent")
def _():
    file = two_tasks()
    file.dead = [(file.directory[0], 0)]
    return directory_of(file)


@defect("DIR-14", "order")
def _():
    file = second_commit(two_tasks(), [b"second"], [])
    file.dead.reverse()
    return directory_of(file)


# §5.4 ---------------------------------------------------------------------------------------------


@defect("REC-1", "record-hash")
def _():
    file = two_tasks()
    return bytes(with_bytes(file, file.records[1].offset + 200, b"\xff").data)


@defect("REC-2", "record-magic")
def _():
    return patched_record(0, b"mopztask")


@defect("REC-2", "record-length")
def _():
    return patched_record(8, struct.pack("<Q", 192))


@defect("LIM-3", "source-tensors")
def _():
    return patched_record(64 + 4 * 8 + 4, struct.pack("<I", (1 << 24) + 1))


@defect("REC-3", "section-offset")
def _():
    return patched_record(64 + 8 * 3, struct.pack("<I", 192))


@defect("REC-3", "section-count")
def _():
    return patched_record(64 + 14 * 8 + 4, struct.pack("<I", 1 << 28))


@defect("REC-3", "section-15")
def _():
    def edit(record):
        record.tables["extensions"] = [b"more"]

    return edited(edit)


@defect("REC-3", "longer-record")
def _():
    task = lora("task")

    def longer(data):
        return data[:8] + struct.pack("<Q", len(data) + 8) + data[16:] + bytes(8)

    task.edit_bytes = longer
    return bytes(File([task]).data)


@defect("REC-4", "record-header")
def _():
    return patched_record(40, b"\x01")


@defect("REC-4", "target")
def _():
    return changed("targets", 0, reserved=b"\x01" + bytes(15))


@defect("REC-4", "padding")
def _():
    task = lora("task")

    def fill(data):
        offset, count = struct.unpack_from("<II", data, 64)
        place = offset + count
        return data[:place] + b"\x01" + data[place + 1 :]

    task.edit_bytes = fill
    return bytes(File([task]).data)


@defect("REC-5", "not-utf8")
def _():
    task = lora("task")
    task.properties = [("a.b", b"\xc3\x28")]
    return bytes(File([task]).data)


@defect("REC-5", "outside")
def _():
    return changed("targets", 0, module=(1 << 31, 4))


@defect("REC-5", "cut-character")
def _():
    task = lora("task")
    task.properties = [("a.b", "é")]

    def edit(record):
        offset, length = record.tables["properties"][0].value
        record.tables["properties"][0].value = (offset, length - 1)

    task.edit = edit
    return bytes(File([task]).data)


@defect("REC-6", "kind")
def _():
    return bytes(File([lora("task", kind="LoRA")]).data)


@defect("REC-6", "hyphens")
def _():
    return bytes(File([lora("task", kind="a--b")]).data)


@defect("REC-7", "rank")
def _():
    def edit(record):
        record.head.rank_max += 1

    return edited(edit)


@defect("REC-7", "parameters-of-entry")
def _():
    return with_entry(two_tasks(), 0, parameter_count=19)


@defect("REC-7", "flag")
def _():
    return with_entry(two_tasks(), 0, flags=1)


@defect("REC-7", "referenced-bytes")
def _():
    return with_entry(two_tasks(), 1, referenced_bytes=0)


# §5.5, §6 -----------------------------------------------------------------------------------------


@defect("BLK-1", "type")
def _():
    return changed("blocks", 1, dtype=23)


@defect("BLK-1", "type-0")
def _():
    return changed("blocks", 1, stored_dtype=0)


@defect("LIM-4", "block")
def _():
    return changed("blocks", 1, dimension_count=9)


@defect("BLK-2", "dimensions")
def _():
    return changed("blocks", 1, first_dimension=1 << 31)


@defect("LIM-5", "block")
def _():
    return changed("dimensions", 1, value=1 << 40)


@defect("LIM-5", "product-overflows")
def _():
    return changed("dimensions", 1, value=(1 << 63) + 1)


@defect("BLK-3", "logical-length")
def _():
    return changed("blocks", 1, logical_length=52)


@defect("BLK-3", "half-a-byte")
def _():
    return changed(
        "dimensions", 0, make=lambda: block_task(Block("F4", (2,), b"\x11")), value=3
    )


@defect("COD-1", "codec")
def _():
    return changed("blocks", 1, codec=3)


@defect("COD-2", "pair")
def _():
    return changed("blocks", 1, stored_dtype=CODE["U32"])


@defect("COD-2", "planes-of-nibbles")
def _():
    return changed("blocks", 0, make=lambda: block_task(Block("F4", (4,), b"\x11\x22")), codec=1)


@defect("COD-2", "rows-of-a-scalar")
def _():
    scalar = partial(block_task, Block("F32", (), bytes(4)))
    return changed("blocks", 0, make=scalar, codec=2, stored_dtype=CODE["I8"])


def without_features(*blocks):
    return with_slot(File([block_task(*blocks)]), required_features=0)


@defect("COD-3", "planes")
def _():
    return without_features(planes_block())


@defect("COD-3", "narrower")
def _():
    return without_features(narrow_blocks(mopz.RAW)[0])


@defect("COD-3", "rows-int8")
def _():
    return without_features(rows_int8_block())


EMPTY = partial(block_task, Block("F32", (0,), b""))


@defect("BLK-4", "empty-with-offset")
def _():
    return changed("blocks", 0, make=EMPTY, offset=HEADER_SIZE)


@defect("BLK-4", "no-bytes")
def _():
    return changed("blocks", 1, stored_length=0)


@defect("COD-4", "raw")
def _():
    return changed("blocks", 1, stored_length=47)


@defect("COD-4", "rows-int8")
def _():
    return changed("blocks", 0, make=lambda: block_task(rows_int8_block()), stored_length=71)


def placed(edit, make=None):
    """A file of one task, changed after its blocks have their places."""
    task = make() if make else lora("task")
    return bytes(File([task], edit).data)


@defect("BLK-5", "misaligned")
def _():
    def edit(file):
        file.records[0].tables["blocks"][1].offset += 8

    return placed(edit)


@defect("BLK-5", "past-the-end")
def _():
    def edit(file):
        file.records[0].tables["blocks"][1].offset = (1 << 64) - 64

    return placed(edit)


@defect("BLK-5", "large-block-off-page")
def _():
    def edit(file):
        block = file.records[0].tables["blocks"][0]
        file.append(bytes(64))
        block.offset += 64
        file.records[0].private = (block.offset, 1 << 16)

    return placed(edit, lambda: block_task(Block("U8", (1 << 16,), bytes(1 << 16))))


@defect("BLK-6", "crosses-extent")
def _():
    file = two_tasks()
    return with_entry(file, 0, private_length=file.entries[0].private_length - 1)


@defect("BLK-7", "same-offset")
def _():
    second = lora("second", modules=("k",))

    def edit(record):
        record.tables["blocks"][1].stored_hash = bytes(16)

    second.edit = edit
    return bytes(File([lora("first"), second]).data)


@defect("BLK-8", "flipped-bit")
def _():
    file = two_tasks()
    place = file.records[0].tables["blocks"][1].offset
    return bytes(with_bytes(file, place, b"\x01").data)


@defect("BLK-9", "content-hash")
def _():
    return changed("blocks", 1, content_hash=bytes(range(16)))


def with_stored(block, stored):
    """A file whose one block has other stored bytes."""

    def edit(record):
        values = dict(stored=stored, stored_length=len(stored), stored_hash=hash128(stored))
        vars(record.tables["blocks"][0]).update(values)

    return edited(edit, lambda: block_task(block))


def replaced(data, offset, new):
    return data[:offset] + new + data[offset + len(new) :]


@defect("COD-5", "plane-count")
def _():
    stored, _ = planes_block().stored()
    return with_stored(planes_block(), replaced(stored, 0, b"\x01"))


@defect("COD-5", "reserved")
def _():
    stored, _ = planes_block().stored()
    return with_stored(planes_block(), replaced(stored, 4, b"\x01"))


@defect("COD-5", "trailing-byte")
def _():
    stored, _ = planes_block().stored()
    return with_stored(planes_block(), stored + b"\x00")


@defect("COD-5", "raw-plane-too-short")
def _():
    block = Block("F16", (4,), bytes(range(8)), mopz.PLANES)
    return with_stored(block, struct.pack("<IIQQ", 2, 0, 3, 5) + bytes(8))


FRAMED = Block("U8", (4000,), bytes(4000), mopz.PLANES)


def framed(change):
    stored, _ = FRAMED.stored()
    frame = change(stored[16:])
    return with_stored(FRAMED, struct.pack("<IIQ", 1, 0, len(frame) | 1 << 63) + frame)


@defect("COD-6", "not-a-frame")
def _():
    return framed(lambda frame: b"\x00" + frame[1:])


@defect("COD-6", "two-frames")
def _():
    return framed(lambda frame: frame + frame)


@defect("COD-6", "skippable-frame")
def _():
    return framed(lambda frame: b"\x50\x2a\x4d\x18" + struct.pack("<I", 4) + bytes(4))


@defect("COD-6", "content-size")
def _():
    # Frame header descriptor 0x60: single segment, content size in two bytes (plus 256).
    frame = bytes.fromhex("28B52FFD60") + struct.pack("<H", 3999 - 256)
    frame += struct.pack("<I", 1 | 1 << 1 | 3999 << 3)[:3] + b"\x00"
    return framed(lambda _: frame)


@defect("COD-6", "expands-to-less")
def _():
    frame = bytes.fromhex("28B52FFD60") + struct.pack("<H", 4000 - 256)
    frame += struct.pack("<I", 1 | 1 << 1 | 3999 << 3)[:3] + b"\x00"
    return framed(lambda _: frame)


@defect("COD-6", "window")
def _():
    # Frame header descriptor 0x40: a window descriptor, 0x69 for 9 MiB, then the content size.
    frame = bytes.fromhex("28B52FFD4069") + struct.pack("<H", 4000 - 256)
    frame += struct.pack("<I", 1 | 1 << 1 | 4000 << 3)[:3] + b"\x00"
    return framed(lambda _: frame)


@defect("COD-6", "broken-literals")
def _():
    frame = bytes.fromhex("28B52FFD60") + struct.pack("<H", 4000 - 256)
    frame += struct.pack("<I", 1 | 2 << 1 | 9 << 3)[:3] + b"\xff" * 9
    return framed(lambda _: frame)


@defect("COD-8", "expands-too-far")
def _():
    return edited(lambda record: None, lambda: block_task(zeros_block(40_000)))


@defect("COD-7", "scale")
def _():
    stored = rows_int8_block().data
    return with_stored(rows_int8_block(), replaced(stored, 0, f32(0x7F800000)))


@defect("COD-7", "padding")
def _():
    stored = rows_int8_block().data
    return with_stored(rows_int8_block(), replaced(stored, 63, b"\x01"))


# §7.2 ---------------------------------------------------------------------------------------------


def based(block):
    return bytes(File([lora("task", base=block)]).data)


def base(tensors, architecture="Tiny"):
    return writer.base_record(architecture, tensors)


def cut(block, change):
    data = change(block[2])
    return ("U8", (len(data),), data)


GOOD_BASE = base([("a", 18, (2, 3)), ("b", 15, ())])


@defect("BAS-1", "type")
def _():
    return based(floats((3,)))


@defect("BAS-1", "index")
def _():
    def edit(record):
        record.head.base_block = len(record.blocks)

    return edited(edit)


@defect("BAS-2", "magic")
def _():
    return based(cut(GOOD_BASE, lambda data: b"mopzbase" + data[8:]))


@defect("BAS-2", "cut-off")
def _():
    return based(cut(GOOD_BASE, lambda data: data[:-1]))


@defect("BAS-2", "longer")
def _():
    return based(cut(GOOD_BASE, lambda data: data + b"\x00"))


@defect("BAS-2", "huge-count")
def _():
    return based(cut(GOOD_BASE, lambda data: replaced(data, 8, b"\xff\xff\xff\xff")))


@defect("BAS-3", "order")
def _():
    return based(base([("b", 18, (2,)), ("a", 18, (2,))]))


@defect("BAS-3", "name-twice")
def _():
    return based(base([("a", 18, (2,)), ("a", 18, (2,))]))


@defect("BAS-3", "type")
def _():
    return based(base([("a", 77, (2,))]))


@defect("BAS-3", "not-utf8")
def _():
    return based(base([(b"\xff", 18, (2,))]))


@defect("LIM-4", "base-record")
def _():
    return based(base([("a", 18, (1,) * 9)]))


# §8.2, §8.3, §8.4 ---------------------------------------------------------------------------------


@defect("FAC-1", "order")
def _():
    return changed("pools", 1, first_range=0)


@defect("FAC-1", "empty-pool")
def _():
    return changed("pools", 0, range_count=0)


@defect("FAC-1", "left-over")
def _():
    task = lora("task")
    task.ranges.append(task.ranges[0])
    return bytes(File([task]).data)


@defect("FAC-2", "axis")
def _():
    return changed("pool_ranges", 0, axis=3)


@defect("FAC-2", "visibility")
def _():
    return changed("pool_ranges", 0, visibility=0)


@defect("FAC-2", "block")
def _():
    return changed("pool_ranges", 0, block=NONE)


@defect("FAC-2", "block-of-integers")
def _():
    return changed("pool_ranges", 0, block=0)


@defect("FAC-3", "count")
def _():
    return changed("pool_ranges", 0, count=3)


@defect("FAC-3", "overflow")
def _():
    return changed("pool_ranges", 0, first=(1 << 64) - 1)


@defect("LIM-6", "vectors")
def _():
    return changed("pool_ranges", 0, count=NONE)


@defect("FAC-4", "shard-length")
def _():
    return changed("pools", 0, shard_length=5)


@defect("FAC-5", "shared-after-private")
def _():
    def edit(record):
        first, second = record.tables["pool_ranges"][:2]
        first.visibility, second.visibility = 2, 1

    return edited(edit, shards_task)


@defect("FAC-6", "side")
def _():
    return changed("factors", 0, side=0)


@defect("FAC-6", "index-kind")
def _():
    return changed("factors", 0, index_kind=3)


@defect("FAC-6", "mixing-kind")
def _():
    return changed("factors", 0, mixing_kind=4)


@defect("FAC-6", "pool")
def _():
    return changed("factors", 0, pool=2)


@defect("LIM-7", "rank")
def _():
    return changed("factors", 0, rank=65537)


@defect("LIM-7", "no-chunks")
def _():
    return changed("factors", 0, chunk_count=0)


@defect("LIM-7", "mix")
def _():
    return changed("factors", 0, mix_count=257)


@defect("LIM-8", "elements")
def _():
    return changed("factors", 0, rank=65536, width=16385)


@defect("FAC-7", "too-wide")
def _():
    return changed("factors", 0, width=7)


@defect("FAC-7", "chunk-too-many")
def _():
    return changed("factors", 0, chunk_count=2)


@defect("FAC-8", "affine-field")
def _():
    return changed("factors", 0, affine_modulus=1)


@defect("FAC-8", "index-block")
def _():
    return changed("factors", 0, index_block=0)


@defect("FAC-8", "mixing-block")
def _():
    return changed("factors", 0, mixing_block=1)


@defect("FAC-9", "mix-without-table")
def _():
    return changed("factors", 0, mix_count=2)


@defect("FAC-9", "complement-of-one")
def _():
    return changed("factors", 2, mixed_task, mix_count=1)


@defect("FAC-9", "softmax-with-table")
def _():
    def edit(record):
        first, second = record.tables["factors"][:2]
        first.index_kind, first.index_block = 2, second.index_block

    return edited(edit, mixed_task)


@defect("FAC-9", "softmax-of-too-many")
def _():
    return changed("factors", 0, mixed_task, mix_count=7)


@defect("FAC-10", "identity-past-the-pool")
def _():
    return changed("factors", 0, rank=3)


@defect("FAC-11", "modulus")
def _():
    return changed("factors", 3, mixed_task, affine_modulus=7)


@defect("FAC-11", "modulus-0")
def _():
    return changed("factors", 3, mixed_task, affine_modulus=0)


@defect("FAC-12", "elements")
def _():
    return bytes(File([shards_task((0, 3, 1))]).data)


@defect("FAC-12", "type")
def _():
    def edit(record):
        record.tables["factors"][0].index_block = 0

    return edited(edit, shards_task)


@defect("FAC-12", "none")
def _():
    return changed("factors", 0, shards_task, index_block=NONE)


@defect("FAC-13", "elements")
def _():
    def edit(record):
        first, second = record.tables["factors"][:2]
        second.mixing_block = first.mixing_block

    return edited(edit, mixed_task)


@defect("FAC-13", "none")
def _():
    return changed("factors", 0, mixed_task, mixing_block=NONE)


@defect("FAC-14", "value")
def _():
    return bytes(File([shards_task((0, 3, 5, 2))]).data)


@defect("FAC-14", "negative")
def _():
    return bytes(File([shards_task((0, 3, -2, 2), "I32")]).data)


# §8.5 ---------------------------------------------------------------------------------------------


@defect("UPD-1", "sides")
def _():
    return changed("terms", 0, down=1, up=0)


@defect("UPD-1", "factor")
def _():
    return changed("terms", 0, up=2)


@defect("UPD-2", "infinite")
def _():
    return changed("terms", 0, scaling=float("inf"))


@defect("UPD-2", "nan")
def _():
    return changed("terms", 0, scaling=float("nan"))


@defect("UPD-3", "core-kind")
def _():
    return changed("terms", 0, core_kind=3)


@defect("UPD-3", "ranks-differ")
def _():
    return changed("factors", 0, rank=1)


@defect("UPD-3", "identity-with-block")
def _():
    return changed("terms", 0, core_block=1)


@defect("UPD-3", "gates")
def _():
    def edit(record):
        record.tables["terms"][0].core_block = record.tables["terms"][0].out_scale_block

    return edited(edit, mixed_task)


@defect("UPD-3", "dense")
def _():
    def edit(record):
        record.tables["terms"][1].core_block = record.tables["terms"][0].core_block

    return edited(edit, mixed_task)


@defect("UPD-4", "out-scale")
def _():
    def edit(record):
        first = record.tables["terms"][0]
        first.out_scale_block = first.in_scale_block

    return edited(edit, mixed_task)


@defect("UPD-4", "in-scale")
def _():
    return changed("terms", 0, in_scale_block=0)


@defect("UPD-5", "order")
def _():
    return changed("targets", 0, first_operand=1)


@defect("UPD-5", "left-over")
def _():
    task = lora("task")
    task.scalars = [row(role=2, value=0.5)]
    return bytes(File([task]).data)


@defect("UPD-5", "past-the-end")
def _():
    return changed("targets", 0, term_count=2)


@defect("UPD-6", "kind")
def _():
    return changed("targets", 0, kind=12)


@defect("UPD-6", "layout")
def _():
    return changed("targets", 0, layout=0)


@defect("UPD-6", "naming")
def _():
    return changed("targets", 0, naming=3)


@defect("UPD-6", "no-name")
def _():
    return changed("targets", 0, module=(0, 0), parameter=(0, 0))


@defect("UPD-6", "layout-index")
def _():
    return changed("targets", 0, layout_index=1)


@defect("UPD-7", "additive-without-terms")
def _():
    task = lora("task")
    task.terms, task.targets[0].term_count = [], 0
    return bytes(File([task]).data)


@defect("UPD-7", "replacement-with-terms")
def _():
    return changed("targets", 0, kind=3)


@defect("UPD-8", "inputs")
def _():
    task = lora("task")
    other = lora("other", inputs=5)
    task.ranges += other.ranges
    task.pools += [pool(5, 2), pool(4, 3)]
    task.factors += [factor(2, 2, 5, 1), factor(3, 2, 4, 2)]
    task.terms.append(term(2, 3))
    task.targets[0].term_count = 2
    return bytes(File([task]).data)


@defect("UPD-9", "missing")
def _():
    return changed("targets", 0, kind=2)


@defect("UPD-9", "not-wanted")
def _():
    return changed("targets", 0, make=magnitude_task, kind=1)


@defect("UPD-9", "role")
def _():
    return changed("operands", 0, make=magnitude_task, role=99)


@defect("UPD-9", "twice")
def _():
    task = magnitude_task()
    task.operands *= 2
    task.targets[0].operand_count = 2
    return bytes(File([task]).data)


@defect("UPD-9", "block")
def _():
    return changed("operands", 0, make=magnitude_task, block=NONE)


@defect("UPD-9", "one-core")
def _():
    task = other_kinds_task()
    task.targets = [task.targets[1]]
    task.operands = task.operands[1:5] + [row(role=8, block=floats((2, 2, 1)))]
    task.scalars = task.scalars[:1]
    vars(task.targets[0]).update(first_operand=0, operand_count=5, first_scalar=0)
    return bytes(File([task]).data)


@defect("UPD-10", "magnitude-count")
def _():
    task = magnitude_task()
    task.operands[0].block = floats((5,), 1.0)
    return bytes(File([task]).data)


@defect("UPD-10", "indices-type")
def _():
    def edit(record):
        record.tables["operands"][2].block = record.tables["operands"][0].block

    return edited(edit, replacement_task)


@defect("UPD-10", "rows")
def _():
    def edit(record):
        record.tables["operands"][1].block = record.tables["operands"][3].block

    return edited(edit, replacement_task)


@defect("UPD-11", "missing")
def _():
    task = replacement_task()
    task.scalars.pop()
    task.targets[-1].scalar_count = 0
    return bytes(File([task]).data)


@defect("UPD-11", "role")
def _():
    return changed("scalars", 0, make=replacement_task, role=7)


@defect("UPD-11", "not-finite")
def _():
    return changed("scalars", 0, make=replacement_task, value=float("nan"))


@defect("UPD-11", "not-wanted")
def _():
    return changed("scalars", 0, make=replacement_task, role=1)


@defect("UPD-12", "target-twice")
def _():
    task = lora("task", modules=("q", "v"))
    task.targets[1].module = "q"
    return bytes(File([task]).data)


# §8.6 ---------------------------------------------------------------------------------------------


def named_file(name):
    task = lora("task")
    task.files[0].name = name
    return bytes(File([task]).data)


@defect("SRC-1", "slash")
def _():
    return named_file("a/b")


@defect("SRC-1", "backslash")
def _():
    return named_file("a\\b")


@defect("SRC-1", "parent")
def _():
    task = lora("task")
    task.files[0].name = ".."
    return bytes(File([task]).data)


@defect("SRC-1", "control-character")
def _():
    return named_file("a\n")


@defect("SRC-2", "order")
def _():
    return named_file("z.json")


@defect("SRC-2", "name-twice")
def _():
    return named_file("adapter_model.safetensors")


@defect("SRC-3", "role")
def _():
    return changed("files", 0, role=3)


@defect("SRC-3", "form")
def _():
    return changed("files", 1, header_form=0)


@defect("SRC-4", "config-without-block")
def _():
    return changed("files", 0, block=NONE)


@defect("SRC-4", "header-that-is-not-stored")
def _():
    return changed("files", 1, block=0)


@defect("SRC-4", "type")
def _():
    return changed("files", 0, block=1)


@defect("SRC-5", "left-over")
def _():
    return changed("files", 1, tensor_count=1)


@defect("SRC-5", "first")
def _():
    return changed("files", 1, first_tensor=1)


@defect("SRC-5", "config-with-tensors")
def _():
    return changed("files", 0, tensor_count=1)


@defect("SRC-6", "left-over")
def _():
    return changed("files", 1, metadata_count=0)


@defect("SRC-6", "first")
def _():
    return changed("files", 0, first_metadata=1)


@defect("SRC-6", "config-with-metadata")
def _():
    return changed("files", 0, metadata_count=0)


@defect("SRC-7", "content-kind")
def _():
    return changed("source_tensors", 0, content_kind=2)


@defect("SRC-7", "disposition")
def _():
    return changed("source_tensors", 0, disposition=0)


@defect("SRC-7", "content")
def _():
    return changed("source_tensors", 0, content=3)


@defect("LIM-4", "source-tensor")
def _():
    return changed("source_tensors", 0, dimension_count=9)


@defect("SRC-8", "type")
def _():
    return changed("source_tensors", 0, dtype=CODE["I32"])


@defect("SRC-8", "unknown-type")
def _():
    return changed("source_tensors", 4, shards_task, dtype=99)


@defect("SRC-8", "dimensions")
def _():
    return changed("source_tensors", 0, first_dimension=2)


@defect("SRC-8", "dimensions-outside")
def _():
    return changed("source_tensors", 0, first_dimension=1 << 20)


@defect("SRC-8", "factor")
def _():
    return changed("source_tensors", 4, shards_task, content=1)


@defect("SRC-8", "factor-type")
def _():
    return changed("source_tensors", 4, shards_task, dtype=CODE["U32"])


@defect("LIM-5", "source-tensor")
def _():
    def edit(record):
        record.tables["dimensions"][-2].value = 1 << 62

    return edited(edit, shards_task)


@defect("SRC-9", "order")
def _():
    def edit(record):
        record.tables["name_order"].reverse()

    return edited(edit)


@defect("SRC-9", "missing")
def _():
    def edit(record):
        record.tables["name_order"].pop()

    return edited(edit)


@defect("SRC-9", "twice")
def _():
    return changed("name_order", 1, value=0)


@defect("SRC-10", "name-twice")
def _():
    task = lora("task")
    task.tensors[1].name = task.tensors[0].name
    return bytes(File([task]).data)


@defect("SRC-10", "metadata-name")
def _():
    task = lora("task")
    task.tensors[0].name = "__metadata__"
    return bytes(File([task]).data)


@defect("SRC-11", "key-twice")
def _():
    task = lora("task")
    task.metadata = [("format", "pt"), ("format", "np")]
    task.files[1].metadata_count = 2
    return bytes(File([task]).data)


def stored_header_file(header):
    return bytes(File([stored_header_task(header)]).data)


@defect("SRC-12", "offsets")
def _():
    header = stored_header(members([(PREFIX + "A.weight", (2, 6)), (PREFIX + "B.weight", (4, 2))]))
    return stored_header_file(header.replace(b"[48,80]", b"[48,84]"))


@defect("SRC-12", "not-json")
def _():
    return stored_header_file(b"{")


@defect("SRC-12", "tensor-missing")
def _():
    return stored_header_file(stored_header(members([(PREFIX + "A.weight", (2, 6))])))


@defect("SRC-12", "extra-field")
def _():
    header = stored_header(members([(PREFIX + "A.weight", (2, 6)), (PREFIX + "B.weight", (4, 2))]))
    return stored_header_file(header.replace(b'"dtype"', b'"kind":"A","dtype"', 1))


@defect("SRC-12", "null-for-metadata")
def _():
    task = headers_task("null-metadata", HEADERS["null-metadata"])
    task.files[1].metadata_count = 0
    return bytes(File([task]).data)


@defect("SRC-12", "metadata")
def _():
    shapes = members([(PREFIX + "A.weight", (2, 6)), (PREFIX + "B.weight", (4, 2))])
    return stored_header_file(stored_header([("__metadata__", [("a", "b")])] + shapes))


@defect("SRC-12", "member-twice")
def _():
    shapes = members([(PREFIX + "A.weight", (2, 6)), (PREFIX + "B.weight", (4, 2))])
    return stored_header_file(stored_header(shapes + shapes[:1]))


# §5.6, §5.7 ---------------------------------------------------------------------------------------


def with_index(change, file=None):
    """A file whose index segment is changed and hashed again."""
    file = file or two_tasks()
    offset, length, _ = file.index
    data = change(bytes(file.data[offset : offset + length]))
    assert len(data) == length
    file.data[offset : offset + length] = data
    return with_slot(file, block_index_hash=hash128(data))


@defect("IDX-1", "segment-hash")
def _():
    return with_slot(two_tasks(), block_index_hash=bytes(15) + b"\x01")


@defect("IDX-2", "magic")
def _():
    return with_index(lambda data: b"mopzbidx" + data[8:])


@defect("IDX-2", "count")
def _():
    return with_index(lambda data: replaced(data, 8, struct.pack("<Q", 1 << 60)))


@defect("IDX-2", "reserved")
def _():
    return with_index(lambda data: replaced(data, 63, b"\x01"))


@defect("IDX-3", "loop")
def _():
    file = two_tasks()
    place = struct.pack("<QQ", file.index[0], file.index[1])
    return with_index(lambda data: replaced(data, 16, place), file)


@defect("IDX-3", "hash-without-offset")
def _():
    return with_index(lambda data: replaced(data, 32, b"\x01"))


@defect("IDX-4", "order")
def _():
    return with_index(lambda data: data[:64] + data[96:128] + data[64:96] + data[128:])


@defect("IDX-5", "stored-length")
def _():
    return with_index(lambda data: replaced(data, 64 + 24, struct.pack("<Q", 7)))


@defect("IDX-5", "not-listed")
def _():
    class Short(File):
        def write_index(self, previous=(0, 0, bytes(16))):
            self.records[0].tables["blocks"].pop()
            super().write_index(previous)

        def entry(self, record):
            entry = super().entry(record)
            entry.referenced_bytes = sum(len(b.stored()[0]) for b in record.blocks)
            return entry

    return bytes(Short([lora("task")]).data)


@defect("IDX-6", "stranger")
def _():
    class Long(File):
        def write_index(self, previous=(0, 0, bytes(16))):
            stranger = row(content_hash=bytes(16), offset=HEADER_SIZE, stored_length=8)
            self.records.append(row(tables={"blocks": [stranger]}))
            super().write_index(previous)
            self.records.pop()

    return bytes(Long([lora("task")]).data)


@defect("TIL-1", "dead-extent")
def _():
    file = two_tasks()
    file.dead = [(HEADER_SIZE, 64)]
    return directory_of(file)


@defect("TIL-1", "blocks")
def _():
    whole = Block("U8", (192,), bytes(range(192)))
    part = Block("U8", (128,), bytes(range(64, 192)))

    def edit(file):
        first, second = (record.tables["blocks"][0] for record in file.records)
        del file.data[second.offset :]
        second.offset = first.offset + 64
        file.records[1].private = (0, 0)

    first, second = block_task(whole), block_task(part)
    first.name, second.name = "first", "second"
    return bytes(File([first, second], edit).data)


@defect("TIL-2", "gap")
def _():
    return placed(lambda file: file.append(bytes(64)))


@defect("TIL-3", "gap")
def _():
    file = two_tasks()
    block = file.records[0].tables["blocks"][1]
    return bytes(with_bytes(file, block.offset + block.stored_length, b"\x01").data)


@defect("TIL-4", "tail")
def _():
    file = two_tasks()
    file.data += bytes(8)
    return with_slot(file, committed_length=len(file.data))


# §11 ----------------------------------------------------------------------------------------------


@defect("CAN-1", "second-generation")
def _():
    return bytes(second_commit(two_tasks(), [b"first", b"second"], []).data)


@defect("CAN-1", "tail")
def _():
    return bytes(two_tasks().data) + b"\x00"


@defect("CAN-2", "feature")
def _():
    return with_slot(two_tasks(), required_features=1)


@defect("CAN-2", "ignorable-feature")
def _():
    return with_slot(two_tasks(), ignorable_features=1 << 63)


@defect("CAN-3", "two-segments")
def _():
    class Split(File):
        def write_index(self, previous=(0, 0, bytes(16))):
            records = self.records
            for record in records:
                self.records = [record]
                super().write_index(previous)
                previous = self.index
            self.records = records

    return bytes(Split([lora("first"), block_task(floats((3,)))]).data)


@defect("CAN-4", "unused-string")
def _():
    def edit(record):
        record.heap += b"unused"

    return edited(edit)


@defect("CAN-5", "unused-block")
def _():
    task = lora("task")
    task.extra_blocks = [floats((3,), 50.0)]
    return bytes(File([task]).data)


@defect("CAN-5", "unused-dimension")
def _():
    def edit(record):
        record.tables["dimensions"].append(row(value=1))

    return edited(edit)


@defect("CAN-6", "stored-twice")
def _():
    def edit(file):
        first, second = (record.tables["blocks"][0] for record in file.records)
        second.offset = file.append(first.stored)
        for record, block in zip(file.records, (first, second)):
            record.private = (block.offset, block.stored_length)

    first, second = block_task(floats((40,))), block_task(floats((40,)))
    second.name = "second"
    return bytes(File([first, second], edit).data)


@defect("CAN-7", "no-extent")
def _():
    return with_entry(two_tasks(), 0, private_offset=0, private_length=0)


@defect("CAN-8", "blocks")
def _():
    class Reversed(File):
        def write_blocks(self):
            self.records.reverse()
            super().write_blocks()
            self.records.reverse()

    return bytes(Reversed([block_task(floats((3,))), lora("first")]).data)


@defect("CAN-9", "standard-header-stored")
def _():
    header = mopz.standard_header(
        members([(PREFIX + "A.weight", (2, 6)), (PREFIX + "B.weight", (4, 2))])
    )
    return stored_header_file(header)
