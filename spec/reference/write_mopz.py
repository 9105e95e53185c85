"""A small writer of canonical .mopz files, for tests and examples.

It follows §11 and trusts its input: tests use it to make files that break rules. Tasks are
described by plain values; blocks are (type name, shape, bytes) or a `Block`.
"""

import struct
from dataclasses import dataclass, field
from types import SimpleNamespace

import read_mopz as mopz
import zstd_frame
from read_mopz import CODE, NONE, PAGE, hash64, hash128, roundup


@dataclass(frozen=True)
class Block:
    """A tensor, and how it is stored."""

    dtype: str
    shape: tuple
    data: bytes  # Logical bytes; for rows-int8 the stored ones.
    codec: int = mopz.RAW
    stored_dtype: str = ""

    def stored(self):
        """(stored bytes, logical bytes)."""
        if self.codec == mopz.ROWS_INT8:
            logical = mopz.decode_rows(self.data, self.shape, CODE[self.dtype], "")
            return self.data, logical
        narrow = self.stored_dtype or self.dtype
        stored = self.data if narrow == self.dtype else narrowed(self.data, self.dtype, narrow)
        if self.codec == mopz.PLANES:
            stored = planes(stored, CODE[narrow])
        return stored, self.data


def narrow_bits(x, wide, narrow):
    """The bits of a narrower number, wrong unless the wider one survives."""
    (wide_code, (e, f)), (code, (narrow_e, narrow_f)) = mopz.FORMATS[wide], mopz.FORMATS[narrow]
    sign, exponent, fraction = x >> (e + f), x >> f & ((1 << e) - 1), x & ((1 << f) - 1)
    if exponent == (1 << e) - 1:
        top = (1 << narrow_e) - 1
        return sign << (narrow_e + narrow_f) | top << narrow_f | fraction >> (f - narrow_f)
    floats = {"H": "e", "I": "f", "Q": "d"}
    (value,) = struct.unpack("<" + floats[wide_code], struct.pack("<" + wide_code, x))
    return struct.unpack("<" + code, struct.pack("<" + floats[code], value))[0]


def narrowed(data, wide, narrow):
    """The narrower elements; an error if one would not survive."""
    if narrow == "BF16":
        out = b"".join(data[k + 2 : k + 4] for k in range(0, len(data), 4))
    else:
        words = struct.iter_unpack("<" + mopz.FORMATS[wide][0], data)
        values = [narrow_bits(x, wide, narrow) for (x,) in words]
        out = struct.pack(f"<{len(values)}{mopz.FORMATS[narrow][0]}", *values)
    assert mopz.widen(out, wide, narrow) == data, f"{narrow} loses bits"
    return out


FRAMES = {}  # Zstandard frames that a real compressor made, by content.


def frame(data):
    """A frame of the content: a known one, or of run-length blocks, or None."""
    if data in FRAMES:
        return FRAMES[data]
    if len(set(data)) != 1:
        return None
    # Single segment, content size in four bytes.
    out = zstd_frame.MAGIC + b"\xa0" + struct.pack("<I", len(data))
    for start in range(0, len(data), zstd_frame.BLOCK_MAXIMUM):
        length = min(zstd_frame.BLOCK_MAXIMUM, len(data) - start)
        last = start + length == len(data)
        out += (last | 1 << 1 | length << 3).to_bytes(3, "little") + data[:1]
    return out


def planes(data, dtype):
    width = mopz.bits(dtype) // 8
    if mopz.is_rotated(dtype):
        data = mopz.rotate(data, width, 1)
    count = len(data) // width
    lengths, parts = [], []
    for p in range(width):
        plane = data[p::width]
        packed = frame(plane)
        short = packed is not None and len(packed) < count
        parts.append(packed if short else plane)
        lengths.append(len(parts[-1]) | short << 63)
    return struct.pack(f"<II{width}Q", width, 0, *lengths) + b"".join(parts)


@dataclass
class Task:
    """One task. Indices are those of the record's tables, but blocks are given as blocks."""

    name: str
    kind: str = "lora"
    files: list = field(default_factory=list)
    tensors: list = field(default_factory=list)
    metadata: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    terms: list = field(default_factory=list)
    factors: list = field(default_factory=list)
    pools: list = field(default_factory=list)
    ranges: list = field(default_factory=list)
    operands: list = field(default_factory=list)
    scalars: list = field(default_factory=list)
    properties: list = field(default_factory=list)
    base: object = None
    edit: object = None  # Called with the record's tables before they are packed.
    edit_bytes: object = None  # Called with the record's bytes; returns bytes.
    extra_blocks: list = field(default_factory=list)


def row(**values):
    return SimpleNamespace(**values)


class RecordBuilder:
    """The tables of one record, in the canonical order."""

    def __init__(self, task):
        self.task = task
        self.blocks, self.numbers = [], {}
        self.heap, self.places = b"", {"": (0, 0)}
        self.tables = {name: [] for name, _ in mopz.SECTIONS}

    def string(self, text):
        if text not in self.places:
            data = text if isinstance(text, bytes) else text.encode()
            self.places[text] = (len(self.heap), len(data))
            self.heap += data
        return self.places[text]

    def number(self, block):
        if block is None:
            return NONE
        if isinstance(block, int):
            return block
        if not isinstance(block, Block):
            block = Block(*block)
        if block not in self.numbers:
            self.numbers[block] = len(self.blocks)
            self.blocks.append(block)
        return self.numbers[block]

    def rows(self, name, source, **blocks):
        """Copies rows, with blocks replaced by their numbers and text by strings."""
        layout = dict(mopz.SECTIONS)[name]
        for one in source:
            values = {}
            for key, value in vars(one).items():
                kind = dict(map(tuple, layout.fields)).get(key)
                if kind == "str":
                    value = self.string(value)
                elif key in blocks:
                    value = self.number(value)
                values[key] = value
            self.tables[name].append(row(**values))

    def build(self):
        task, tables = self.task, self.tables
        kind = self.string(task.kind)
        self.rows("files", task.files, block=True)
        position = 0
        for tensor in task.tensors:
            content, factor = tensor.content, isinstance(tensor.content, int)
            values = row(
                name=self.string(tensor.name), content_kind=int(factor),
                disposition=getattr(tensor, "disposition", 1), content=content,
                shape=getattr(tensor, "shape", None), dtype=0,
            )
            if not factor:
                values.content = self.number(content)
            else:
                values.dtype = CODE[tensor.dtype]
            tables["source_tensors"].append(values)
        names = [t.name if isinstance(t.name, bytes) else t.name.encode() for t in task.tensors]
        order = sorted(range(len(names)), key=lambda k: (names[k], k))
        tables["name_order"] = [row(value=k) for k in order]
        self.rows("metadata", [row(key=k, value=v) for k, v in task.metadata])
        self.rows("targets", task.targets)
        self.rows("properties", [row(key=k, value=v) for k, v in task.properties])
        self.rows("pool_ranges", task.ranges, block=True)
        self.rows("pools", task.pools)
        self.rows("factors", task.factors, index_block=True, mixing_block=True)
        self.rows(
            "terms", task.terms, core_block=True, out_scale_block=True, in_scale_block=True
        )
        self.rows("operands", task.operands, block=True)
        self.rows("scalars", task.scalars)
        base = self.number(task.base)
        for block in task.extra_blocks:
            self.number(block)
        dimensions = []
        for block in self.blocks:
            stored, logical = block.stored()
            tables["blocks"].append(row(
                offset=0, stored_length=len(stored), logical_length=len(logical),
                dtype=CODE[block.dtype], codec=block.codec,
                stored_dtype=CODE[stored_name(block)], dimension_count=len(block.shape),
                first_dimension=len(dimensions),
                content_hash=mopz.content_hash(CODE[block.dtype], block.shape, logical),
                stored_hash=hash128(stored), stored=stored,
            ))
            dimensions += block.shape
        for tensor in tables["source_tensors"]:
            if tensor.content_kind == 0:
                block = tables["blocks"][tensor.content]
                tensor.dtype, tensor.dimension_count = block.dtype, block.dimension_count
                tensor.first_dimension = block.first_dimension
            else:
                tensor.dimension_count = len(tensor.shape)
                tensor.first_dimension = len(dimensions)
                dimensions += tensor.shape
        tables["dimensions"] = [row(value=d) for d in dimensions]
        factors = tables["factors"]
        ranks = [factors[t.down].rank for t in tables["terms"] if t.down < len(factors)]
        self.head = row(
            record_magic=b"MOPZTASK", record_length=0, kind=kind, base_block=base,
            rank_max=max(ranks, default=0), parameter_count=self.parameter_count(),
        )
        if task.edit:
            task.edit(self)
        return self

    def parameter_count(self):
        dimensions = [d.value for d in self.tables["dimensions"]]
        total = 0
        for tensor in self.tables["source_tensors"]:
            product = 1
            for d in dimensions[tensor.first_dimension :][: tensor.dimension_count]:
                product *= d
            total += product
        return total

    def pack(self):
        body, table = b"", []
        position = mopz.SECTIONS_START
        for name, layout in mopz.SECTIONS:
            if layout:
                data = b"".join(layout.pack(r) for r in self.tables[name])
                count = len(self.tables[name])
            else:
                data = self.heap if name == "strings" else b"".join(self.tables[name])
                count = len(data)
            body += bytes(roundup(position, 8) - position)
            position = roundup(position, 8)
            table.append((position, count))
            body += data
            position += len(data)
        body += bytes(roundup(position, 8) - position)
        self.head.record_length = mopz.SECTIONS_START + len(body)
        packed = b"".join(struct.pack("<II", *pair) for pair in table)
        data = mopz.RECORD.pack(self.head) + packed + body
        if self.task.edit_bytes:
            data = self.task.edit_bytes(data)
        return data


def stored_name(block):
    return "I8" if block.codec == mopz.ROWS_INT8 else block.stored_dtype or block.dtype


class File:
    """A container in the making: bytes, and the places of what is in it."""

    def __init__(self, tasks, place_blocks=None):
        self.data = bytearray(mopz.HEADER_SIZE)
        self.records = [
            RecordBuilder(task).build() for task in sorted(tasks, key=lambda t: name_of(t))
        ]
        self.features = 0
        self.write_blocks()
        if place_blocks:
            place_blocks(self)
        self.write_records()
        self.write_index()
        self.entries = [self.entry(record) for record in self.records]
        self.dead = []
        self.write_directory()
        self.generation = 1
        self.write_slot()
        self.data[:32] = header()

    def append(self, data, alignment=64):
        self.data += bytes(roundup(len(self.data), alignment) - len(self.data))
        offset = len(self.data)
        self.data += data
        return offset

    def write_blocks(self):
        users = {}
        for record in self.records:
            for block in {b.content_hash: b for b in record.tables["blocks"]}.values():
                users.setdefault(block.content_hash, []).append(record)
        places = {}
        for shared in (True, False):
            for record in self.records:
                first = last = None
                for block in record.tables["blocks"]:
                    key = block.content_hash
                    if shared != (len(users[key]) > 1) or not block.stored_length:
                        continue
                    if key not in places:
                        places[key] = self.append(block.stored, mopz.alignment_of(block))
                    block.offset = places[key]
                    first = block.offset if first is None else first
                    last = block.offset + block.stored_length
                    self.features |= mopz.features(block)
                if not shared:
                    record.private = (first, last - first) if first else (0, 0)

    def write_records(self):
        for record in self.records:
            record.data = record.pack()
            record.offset = self.append(record.data)

    def write_index(self, previous=(0, 0, bytes(16))):
        entries = {}
        for record in self.records:
            for block in record.tables["blocks"]:
                if block.stored_length:
                    key = (int.from_bytes(block.content_hash, "little"), block.offset)
                    entries[key] = block
        self.index = previous
        if entries:
            rows = [entries[key] for key in sorted(entries)]
            data = mopz.INDEX.pack(row(
                index_magic=b"MOPZBIDX", entry_count=len(rows), previous_offset=previous[0],
                previous_length=previous[1], previous_hash=previous[2],
            )) + b"".join(mopz.INDEX_ENTRY.pack(r) for r in rows)
            self.index = (self.append(data), len(data), hash128(data))

    def entry(self, record):
        task, tables = record.task, record.tables
        return row(
            name=name_of(task), name_offset=0, name_length=0,
            flags=int(any(t.disposition == 2 for t in tables["source_tensors"])),
            record_offset=record.offset, record_length=len(record.data),
            record_hash=hash128(record.data), private_offset=record.private[0],
            private_length=record.private[1],
            referenced_bytes=sum(b.stored_length for b in tables["blocks"]),
            rank_max=record.head.rank_max, target_count=len(tables["targets"]),
            parameter_count=record.head.parameter_count, entry_hash64=0,
        )

    def write_directory(self, names=None):
        heap = b""
        rows = []
        for entry in self.entries:
            entry.name_offset, entry.name_length = len(heap), len(entry.name)
            heap += entry.name
            rows.append(pack_entry(entry))
        padding = bytes(-len(heap) % 8)
        names_offset = 64 + 96 * len(rows)
        head = mopz.DIRECTORY.pack(row(
            directory_magic=b"MOPZDIRY", task_count=len(rows), names_offset=names_offset,
            names_length=len(heap), dead_offset=names_offset + len(heap + padding),
            dead_count=len(self.dead), header_hash64=0,
        ))
        head = head[:48] + struct.pack("<QQ", hash64(head[:48]), 0)
        dead = b"".join(struct.pack("<QQ", *extent) for extent in self.dead)
        data = head + b"".join(rows) + heap + padding + dead
        self.directory = (self.append(data), len(data))

    def write_slot(self):
        start = PAGE if self.generation % 2 else 2 * PAGE
        offset, length = self.directory
        self.slot = row(
            slot_magic=b"MOPZSLOT", generation=self.generation, committed_length=len(self.data),
            directory_offset=offset, directory_length=length,
            directory_hash=hash128(bytes(self.data[offset : offset + length])),
            block_index_offset=self.index[0], block_index_length=self.index[1],
            block_index_hash=self.index[2], required_features=self.features,
            ignorable_features=0, task_count=len(self.entries), root_hash=bytes(16),
        )
        self.data[start : start + 128] = pack_slot(self.slot)


def name_of(task):
    return task.name if isinstance(task.name, bytes) else task.name.encode()


def pack_entry(entry):
    entry.entry_hash64 = 0
    data = mopz.ENTRY.pack(entry)[:88]
    return data + struct.pack("<Q", hash64(data + entry.name))


def pack_slot(slot):
    data = mopz.SLOT.pack(slot)[:112]
    return data + hash128(data)


def header(major=1, minor=0, header_size=mopz.HEADER_SIZE):
    data = mopz.MAGIC + struct.pack("<HHI", major, minor, header_size)
    return data + hash128(data)


# Describing tasks ---------------------------------------------------------------------------------


def config_file(text, name="adapter_config.json"):
    data = text.encode()
    return row(
        name=name, role=2, header_form=0, block=("U8", (len(data),), data), first_tensor=0,
        tensor_count=0, first_metadata=0, metadata_count=NONE,
    )


def weights_file(
    count, metadata_count=NONE, name="adapter_model.safetensors", first=0, first_metadata=0,
    header_form=1, block=None,
):
    return row(
        name=name, role=1, header_form=header_form, block=block, first_tensor=first,
        tensor_count=count, first_metadata=first_metadata, metadata_count=metadata_count,
    )


def tensor(name, content, **more):
    return row(name=name, content=content, **more)


def pool(shard_length, first_range, range_count=1):
    return row(shard_length=shard_length, first_range=first_range, range_count=range_count)


def pool_range(block, axis, count, first=0, visibility=2):
    return row(block=block, axis=axis, visibility=visibility, first=first, count=count)


def factor(pool, rank, width, side, **more):
    values = row(
        pool=pool, rank=rank, width=width, chunk_count=1, mix_count=1, side=side, index_kind=0,
        mixing_kind=0, index_block=None, mixing_block=None, affine_offset=0, affine_row_step=0,
        affine_chunk_step=0, affine_modulus=0,
    )
    vars(values).update(more)
    return values


def term(down, up, scaling=1.0, core_kind=0, core=None, out_scale=None, in_scale=None):
    return row(
        scaling=scaling, down=down, up=up, core_kind=core_kind, core_block=core,
        out_scale_block=out_scale, in_scale_block=in_scale,
    )


def target(module, kind=1, terms=(0, 1), operands=(0, 0), scalars=(0, 0), **more):
    values = row(
        module=module, parameter="weight", kind=kind, layout=1, naming=1, layout_index=0,
        first_term=terms[0], term_count=terms[1], first_operand=operands[0],
        operand_count=operands[1], first_scalar=scalars[0], scalar_count=scalars[1],
    )
    vars(values).update(more)
    return values


def floats(shape, start=0.0, dtype="F32"):
    """A block of small different numbers that every type of 16 bits and more holds exactly."""
    count = 1
    for d in shape:
        count *= d
    code = {"F32": "f", "F16": "e", "F64": "d"}[dtype]
    values = [start + k / 64 for k in range(count)]
    return Block(dtype, tuple(shape), struct.pack(f"<{count}{code}", *values))


def lora(name, seed=0.0, rank=2, inputs=6, outputs=4, modules=("q_proj",), **more):
    """A LoRA task as PEFT writes it: one pair of factors for each module."""
    task = Task(name, **more)
    for k, module in enumerate(modules):
        down = floats((rank, inputs), seed + 8 * k)
        up = floats((outputs, rank), seed + 8 * k + 4)
        prefix = f"base_model.model.{module}"
        task.tensors += [
            tensor(f"{prefix}.lora_A.weight", down), tensor(f"{prefix}.lora_B.weight", up)
        ]
        task.ranges += [pool_range(down, 1, rank), pool_range(up, 2, rank)]
        task.pools += [pool(inputs, 2 * k), pool(outputs, 2 * k + 1)]
        task.factors += [factor(2 * k, rank, inputs, 1), factor(2 * k + 1, rank, outputs, 2)]
        task.terms += [term(2 * k, 2 * k + 1, 2.0)]
        task.targets += [target(module, terms=(k, 1))]
    task.files = [
        config_file('{"peft_type": "LORA", "r": %d, "lora_alpha": %d}' % (rank, 2 * rank)),
        weights_file(len(task.tensors), 1),
    ]
    task.metadata = [("format", "pt")]
    task.properties = [("peft.lora_alpha", str(2 * rank))]
    return task


def base_record(architecture, tensors):
    """The bytes of a base record, as a block."""
    text = architecture.encode()
    out = b"MOPZBASE" + struct.pack("<II", len(tensors), len(text)) + text
    for name, dtype, shape in tensors:
        data = name.encode() if isinstance(name, str) else name
        out += struct.pack("<I", len(data)) + data + struct.pack("<BB", dtype, len(shape))
        out += struct.pack(f"<{len(shape)}Q", *shape)
    return ("U8", (len(out),), out)
