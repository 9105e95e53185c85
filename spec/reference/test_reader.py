"""Tests of the reference reader: hashes, valid files, one defect for each rule, mutations.

    python3 -m unittest discover -s spec/reference -p 'test_*.py'
"""

import csv
import ctypes
import ctypes.util
import json
import math
import os
import random
import struct
import unittest

import make_appendices
import read_mopz as mopz
import samples
import write_mopz as writer
import zstd_frame
from xxh3 import xxh3_64, xxh3_128

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rules.tsv")
WINDOW = mopz.WINDOW_MAXIMUM


def verify(data, canonical=False):
    reader = mopz.Reader(data)
    reader.verify(canonical)
    return reader


def rules():
    with open(RULES, newline="", encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file, delimiter="\t")}


class HashTests(unittest.TestCase):
    # Published with the algorithm: seed 0, bytes of its own generator are avoided by using text.
    KNOWN_128 = {
        b"": 0x99AA06D3014798D86001C324468D497F,
    }
    KNOWN_64 = {b"": 0x2D06800538D394C2}

    def test_known_values(self):
        for data, value in self.KNOWN_128.items():
            self.assertEqual(xxh3_128(data), value)
        for data, value in self.KNOWN_64.items():
            self.assertEqual(xxh3_64(data), value)

    def test_stored_order_is_low_half_first(self):
        self.assertEqual(mopz.hash128(b"").hex(), "7f498d4624c30160d8984701d306aa99")

    def test_equals_the_c_library(self):
        path = ctypes.util.find_library("xxhash")
        if path is None:
            self.skipTest("no libxxhash")

        class Pair(ctypes.Structure):
            _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]

        library = ctypes.CDLL(path)
        library.XXH3_128bits.restype = Pair
        library.XXH3_64bits.restype = ctypes.c_uint64
        for function in (library.XXH3_128bits, library.XXH3_64bits):
            function.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        source = random.Random(1)
        for length in [*range(1100), 2047, 2048, 2049, 5000, 65536]:
            data = source.randbytes(length)
            pair = library.XXH3_128bits(data, length)
            self.assertEqual(xxh3_128(data), pair.high << 64 | pair.low, length)
            self.assertEqual(xxh3_64(data), library.XXH3_64bits(data, length), length)


class ValidFileTests(unittest.TestCase):
    def test_every_valid_file_has_no_finding(self):
        for name, make in samples.VALID.items():
            with self.subTest(name):
                self.assertEqual([str(f) for f in verify(make()).findings], [])

    def test_written_files_are_canonical_unless_appended_to(self):
        for name in samples.VALID.keys() - {"later-minor-version"}:
            with self.subTest(name):
                findings = verify(samples.VALID[name](), canonical=True).findings
                rules = [finding.rule for finding in findings]
                if "generations" in name:
                    self.assertEqual(rules[0], "CAN-1")
                    self.assertEqual({rule[:4] for rule in rules}, {"CAN-"})
                else:
                    self.assertEqual(rules, [])

    def test_a_tail_is_noted(self):
        reader = verify(samples.VALID["three-generations-and-a-tail"]())
        self.assertEqual(reader.notes, ["15 bytes past the committed length"])
        self.assertEqual([task.name for task in reader.tasks], ["added"])

    def test_order_of_tasks_given_makes_no_difference(self):
        tasks = [samples.lora(name, 8.0 * k) for k, name in enumerate("abc")]
        again = [samples.lora(name, 8.0 * k) for k, name in enumerate("abc")]
        first, second = writer.File(tasks), writer.File(again[::-1])
        self.assertEqual(first.data, second.data)

    def test_a_weights_file_comes_back(self):
        task = verify(samples.VALID["worked-example"]()).tasks[0]
        data = task.weights_file(task.files[0])
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length])
        self.assertEqual(length % 8, 0)
        self.assertEqual(list(header), ["q.lora_A.weight", "q.lora_B.weight"])
        self.assertEqual(header["q.lora_B.weight"]["data_offsets"], [4, 8])
        self.assertEqual(data[8 + length :], bytes.fromhex("003c0040003c0042"))

    def test_a_stored_header_comes_back(self):
        tasks = verify(samples.VALID["target-kinds"]()).tasks
        task = next(task for task in tasks if task.name == "stored")
        self.assertEqual(task.weights_file(task.files[1])[8:10], b"\n{")

    def test_header_strings_are_escaped_as_the_common_writer_does(self):
        text, expected = 'a"\\\b\t\n\f\r\x01\x7fé', '"a\\"\\\\\\b\\t\\n\\f\\r\\u0001\x7fé"'
        self.assertEqual(mopz.json_string(text), expected)

    def test_a_factor_is_assembled_from_its_shards(self):
        task = verify(samples.VALID["mixture-of-shards"]()).tasks[0]
        values = struct.unpack("<10f", task.tensor_bytes(task.source_tensors[4]))
        shards = [[k / 64 for k in range(3 * n, 3 * n + 3)] for n in range(3)]
        shards += [[20 + k / 64 for k in range(3 * n, 3 * n + 3)] for n in range(2)]
        expected = (shards[0] + shards[3])[:5] + ([0.0] * 3 + shards[2])[:5]
        self.assertEqual(list(values), expected)


class DecodingTests(unittest.TestCase):
    def test_widening_keeps_every_bit(self):
        halves = struct.pack("<65536H", *range(65536))
        wide = struct.unpack("<65536I", mopz.widen(halves, "F32", "F16"))
        for bits, found in enumerate(wide):
            (value,) = struct.unpack("<e", struct.pack("<H", bits))
            if math.isnan(value):
                expected = (bits & 0x8000) << 16 | 0x7F800000 | (bits & 0x3FF) << 13
            else:
                (expected,) = struct.unpack("<I", struct.pack("<f", value))
            self.assertEqual(found, expected, hex(bits))

    def test_widening_bfloat16_shifts(self):
        data = struct.pack("<65536H", *range(65536))
        wide = struct.unpack("<65536I", mopz.widen(data, "F32", "BF16"))
        self.assertEqual(wide, tuple(bits << 16 for bits in range(65536)))

    def test_rows_int8_rounds_to_nearest_even(self):
        tasks = verify(samples.VALID["rows-int8"]()).tasks
        for tensor, code in zip(tasks[0].source_tensors, ("f", "e")):
            values = struct.unpack(f"<6{code}", tasks[0].tensor_bytes(tensor))
            self.assertEqual(values[:3], (0.5, -64.0, 63.5))

        self.assertEqual(mopz.round_to_bfloat16(1 + 2**-8), b"\x80\x3f")
        self.assertEqual(mopz.round_to_bfloat16(1 + 3 * 2**-8), b"\x82\x3f")


class FrameTests(unittest.TestCase):
    FRAME = writer.FRAMES[samples.TEXT]

    def test_a_frame_of_the_common_compressor_expands(self):
        self.assertEqual(zstd_frame.expand(self.FRAME, len(samples.TEXT), WINDOW), samples.TEXT)

    def test_run_length_frames_expand(self):
        for length in (40, 128 * 1024, 300_000):
            data = b"\x07" * length
            self.assertEqual(zstd_frame.expand(writer.frame(data), length, WINDOW), data)

    def test_a_damaged_frame_is_refused_and_nothing_worse(self):
        source = random.Random(4)
        for _ in range(600):
            damaged = bytearray(self.FRAME)
            damaged[source.randrange(len(damaged))] ^= 1 << source.randrange(8)
            try:  # A few bits have no meaning.
                found = zstd_frame.expand(bytes(damaged), len(samples.TEXT), WINDOW)
            except zstd_frame.DamagedFrame:
                continue
            self.assertEqual(found, samples.TEXT)
        for length in range(len(self.FRAME)):
            with self.assertRaises(zstd_frame.DamagedFrame):
                zstd_frame.expand(self.FRAME[:length], len(samples.TEXT), WINDOW)

    def test_checksum_hash(self):
        self.assertEqual(zstd_frame.xxh64(b""), 0xEF46DB3751D8E999)
        self.assertEqual(zstd_frame.xxh64(b"abc"), 0x44BC2CF5AD770999)


class DefectTests(unittest.TestCase):
    def test_a_defect_is_found_as_the_rule_that_it_breaks_and_nothing_else(self):
        for rule, name, make in samples.DEFECTS:
            with self.subTest(f"{rule}-{name}"):
                data = make()
                canonical = rule.startswith("CAN-")
                self.assertEqual([f.rule for f in verify(data, canonical).findings], [rule])
                if canonical:
                    self.assertEqual(verify(data).findings, [])

    def test_every_rule_has_a_defect(self):
        checkable = {id for id, row in rules().items() if row["checked_by"] != "writer"}
        self.assertEqual({rule for rule, _, _ in samples.DEFECTS}, checkable)

    def test_names_of_defects_are_distinct(self):
        names = [f"{rule}-{name}" for rule, name, _ in samples.DEFECTS]
        self.assertEqual(len(names), len(set(names)))


class SpecificationTests(unittest.TestCase):
    def test_every_rule_is_stated_in_its_section(self):
        path = os.path.join(os.path.dirname(RULES), "mopz.md")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for id, row in rules().items():
            if id.startswith("LIM-"):
                self.assertIn(f"| {id} |", text)
            else:
                self.assertIn(f"- **{id}** ", text, id)

    def test_every_rule_that_the_text_states_is_in_the_list(self):
        path = os.path.join(os.path.dirname(RULES), "mopz.md")
        with open(path, encoding="utf-8") as file:
            words = file.read().replace("*", " ").replace(",", " ").replace(".", " ").split()
        families = {id.split("-")[0] for id in rules()}
        ids = {word for word in words if word.split("-")[0] in families and word[-1:].isdigit()}
        self.assertEqual({id for id in ids if id not in rules()}, set())


    def test_the_appendices_are_what_the_reader_computes(self):
        with open(make_appendices.TEXT, encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(make_appendices.filled(text), text)

    def test_the_vectors_for_rounding_and_index_tables(self):
        shape = (1, 1)
        for dtype, q, scale, bits in (
            ("F32", 127, 0.5, 0x427E0000), ("F16", -128, 0.5, 0xD400),
            ("BF16", 1, 1 + 2**-8, 0x3F80), ("BF16", 1, 1 + 3 * 2**-8, 0x3F82),
            ("F16", 2, 65504.0, 0x7C00),
        ):
            stored = struct.pack("<f", scale) + bytes(60) + struct.pack("<b", q)
            data = mopz.decode_rows(stored, shape, mopz.CODE[dtype], "")
            self.assertEqual(int.from_bytes(data, "little"), bits)
        task = verify(samples.VALID["index-tables-and-mixing"]()).tasks[0]
        self.assertEqual(task.index_table(task.factors[3], 6), [5, 0, 2, 3, 5, 0])
        task = verify(samples.VALID["mixture-of-shards"]()).tasks[0]
        self.assertEqual(task.index_table(task.factors[0], 5), [0, 3, None, 2])


class MutationTests(unittest.TestCase):
    """Damage to a small file is found, or lies where nothing is covered."""

    def setUp(self):
        self.data = samples.VALID["worked-example"]()

    def test_every_truncation_is_refused(self):
        for length in [*range(0, 64), *range(12200, len(self.data))]:
            self.assertNotEqual(verify(self.data[:length]).findings, [], length)

    def test_every_flipped_bit_is_refused(self):
        source = random.Random(2)
        zero_pages = [k for k in range(mopz.HEADER_SIZE) if not self.data[k]]
        places = set(range(len(self.data))) - set(zero_pages) | set(source.sample(zero_pages, 60))
        for place in sorted(places):
            damaged = bytearray(self.data)
            damaged[place] ^= 1 << source.randrange(8)
            self.assertNotEqual(verify(bytes(damaged)).findings, [], place)

    def test_random_bytes_with_right_hashes_never_stop_the_reader(self):
        source = random.Random(3)
        for _ in range(400):
            task = samples.smallest_task()

            def edit(data):
                data = bytearray(data)
                for _ in range(source.randrange(1, 4)):
                    place = source.randrange(16, len(data))
                    data[place] = source.choice([0, 1, 2, 0x7F, 0x80, 0xFF])
                return bytes(data)

            task.edit_bytes = edit
            verify(bytes(writer.File([task]).data), canonical=True)


if __name__ == "__main__":
    unittest.main()
