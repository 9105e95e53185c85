"""One Zstandard frame to its content, in plain Python, after RFC 8878.

Without dictionaries. Slow and plain: sections of the RFC are named beside what implements them. A
frame that is damaged, or is not exactly one frame, raises `DamagedFrame`.
"""

MAGIC = bytes.fromhex("28B52FFD")
BLOCK_MAXIMUM = 128 * 1024


class DamagedFrame(Exception):
    """The bytes are not one whole Zstandard frame."""


def require(condition, message):
    if not condition:
        raise DamagedFrame(message)


def number(data, offset, count):
    """`count` bytes as an unsigned integer, low byte first."""
    require(offset + count <= len(data), "ends early")
    return int.from_bytes(data[offset : offset + count], "little")


# 3.1.1 Frames -------------------------------------------------------------------------------------


class Header:
    """3.1.1.1: the stated sizes of a frame, and where its blocks begin."""

    def __init__(self, frame):
        require(frame[:4] == MAGIC, "no magic")
        descriptor = number(frame, 4, 1)
        require(descriptor & 8 == 0, "a reserved bit is set")
        single = descriptor >> 5 & 1
        self.has_checksum = descriptor >> 2 & 1
        position = 5
        if not single:
            window = number(frame, position, 1)
            base = 1 << 10 + (window >> 3)
            self.window = base + base // 8 * (window & 7)
            position += 1
        length = (0, 1, 2, 4)[descriptor & 3]
        self.dictionary = number(frame, position, length)
        position += length
        length = (single, 2, 4, 8)[descriptor >> 6]
        self.content_size = None
        if length:
            self.content_size = number(frame, position, length) + (256 if length == 2 else 0)
        if single:
            self.window = self.content_size
        self.end = position + length


def expand(frame, size, window_maximum):
    """The content of a frame that states `size` bytes and no larger window than may be."""
    header = Header(frame)
    require(header.dictionary == 0, "needs a dictionary")
    require(header.content_size == size, f"states a size of {header.content_size}")
    require(header.window <= window_maximum, f"has a window of {header.window} bytes")
    position, last = header.end, 0
    state = State(min(header.window, BLOCK_MAXIMUM))
    while not last:
        head = number(frame, position, 3)
        position += 3
        last, kind, length = head & 1, head >> 1 & 3, head >> 3
        before = len(state.out)
        if kind == 0:
            require(position + length <= len(frame), "ends early")
            state.out += frame[position : position + length]
        elif kind == 1:
            require(len(state.out) + length <= size, "expands to more than was stated")
            state.out += bytes([number(frame, position, 1)]) * length
            length = 1
        else:
            require(kind == 2, "a reserved block type")
            require(position + length <= len(frame), "ends early")
            require(length <= state.block_maximum, "a block is too large")
            state.compressed_block(frame[position : position + length])
        position += length
        require(len(state.out) - before <= state.block_maximum, "a block is too large")
        require(len(state.out) <= size, "expands to more than was stated")
    require(len(state.out) == size, "expands to less than was stated")
    if header.has_checksum:
        stated = number(frame, position, 4)
        require(xxh64(bytes(state.out)) & 0xFFFFFFFF == stated, "the checksum differs")
        position += 4
    require(position == len(frame), "is followed by more")
    return bytes(state.out)


# Bit streams --------------------------------------------------------------------------------------


class ForwardBits:
    """Bits from the lowest of the first byte on (4.1.1)."""

    def __init__(self, data, offset):
        self.value = int.from_bytes(data[offset:], "little")
        self.total = 8 * (len(data) - offset)
        self.position = 0

    def take(self, count):
        require(self.position + count <= self.total, "ends early")
        bits = self.value >> self.position & ((1 << count) - 1)
        self.position += count
        return bits


class BackwardBits:
    """Bits from the highest of the last byte on, below its first set bit (4.1)."""

    def __init__(self, data):
        require(len(data) > 0 and data[-1] != 0, "a bit stream without an end mark")
        self.value = int.from_bytes(data, "little")
        self.left = self.value.bit_length() - 1

    def take(self, count):
        """The next bits; zeros after the beginning of the stream, where `left` turns negative."""
        self.left -= count
        mask = (1 << count) - 1
        return self.value >> self.left & mask if self.left >= 0 else self.value << -self.left & mask


# 4.1 Finite state entropy -------------------------------------------------------------------------


class StateTable:
    """The decoding table of a distribution: symbol, bits and base of each state."""

    def __init__(self, counts, accuracy):
        size = 1 << accuracy
        self.accuracy = accuracy
        self.symbols = [0] * size
        top = size
        for symbol, count in enumerate(counts):
            if count == -1:
                top -= 1
                self.symbols[top] = symbol
        step, position = (size >> 1) + (size >> 3) + 3, 0
        for symbol, count in enumerate(counts):
            for _ in range(max(count, 0)):
                self.symbols[position] = symbol
                position = position + step & size - 1
                while position >= top:
                    position = position + step & size - 1
        require(position == 0, "a distribution that does not fill its table")
        following = [1 if count == -1 else count for count in counts]
        self.bits, self.bases = [0] * size, [0] * size
        for state, symbol in enumerate(self.symbols):
            next_state = following[symbol]
            following[symbol] += 1
            self.bits[state] = accuracy - (next_state.bit_length() - 1)
            self.bases[state] = (next_state << self.bits[state]) - size


class OneSymbol:
    """The table of run-length mode: one symbol, no bits."""

    def __init__(self, symbol):
        self.accuracy, self.symbols, self.bits, self.bases = 0, [symbol], [0], [0]


def read_distribution(data, offset, most_accurate, most_symbols):
    """4.1.1: a table, and where the next data begins."""
    stream = ForwardBits(data, offset)
    accuracy = stream.take(4) + 5
    require(accuracy <= most_accurate, "a distribution that is too accurate")
    remaining = (1 << accuracy) + 1
    counts = []
    while remaining > 1:
        require(len(counts) < most_symbols, "too many symbols")
        width = remaining.bit_length()
        low = (1 << width) - 1 - remaining
        value = stream.take(width - 1)
        if value >= low:
            high = stream.take(1)
            if high:
                value += 1 << width - 1
                if value >= 1 << width - 1:
                    value -= low
        count = value - 1
        remaining -= abs(count)
        require(remaining >= 1, "a distribution of more than one")
        counts.append(count)
        if count == 0:
            repeat = 3
            while repeat == 3:
                repeat = stream.take(2)
                counts += [0] * repeat
            require(len(counts) <= most_symbols, "too many symbols")
    return StateTable(counts, accuracy), offset + (stream.position + 7) // 8


# 4.2 Huffman coding -------------------------------------------------------------------------------


class HuffmanTable:
    """Symbol and length of a code for each window of `longest` bits."""

    def __init__(self, weights):
        total = sum(1 << weight - 1 for weight in weights if weight)
        require(total > 0, "no weights")
        self.longest = total.bit_length()
        require(self.longest <= 11, "codes that are too long")
        rest = (1 << self.longest) - total
        require(rest & rest - 1 == 0, "weights without a last one")
        weights = weights + [rest.bit_length()]
        require(len(weights) <= 256, "too many symbols")
        self.codes = []
        for weight in range(1, self.longest + 1):
            for symbol, own in enumerate(weights):
                if own == weight:
                    self.codes += [(symbol, self.longest + 1 - weight)] * (1 << weight - 1)
        require(len(self.codes) == 1 << self.longest, "codes that do not fill the table")

    def decode(self, data, count):
        """4.2.2: the symbols of one stream."""
        stream = BackwardBits(data)
        value, left, longest = stream.value, stream.left, self.longest
        mask, codes, out = (1 << longest) - 1, self.codes, bytearray()
        for _ in range(count):
            shift = left - longest
            window = value >> shift & mask if shift >= 0 else value << -shift & mask
            symbol, length = codes[window]
            left -= length
            require(left >= 0, "a stream that ends early")
            out.append(symbol)
        require(left == 0, "a stream with bits left over")
        return out


def read_huffman(data):
    """4.2.1: a table, and where the streams begin."""
    head = number(data, 0, 1)
    if head >= 128:
        count = head - 127
        end = 1 + (count + 1) // 2
        require(end <= len(data), "ends early")
        nibbles = [half for byte in data[1:end] for half in (byte >> 4, byte & 15)]
        weights = nibbles[:count]
        require(max(weights) <= 11, "a weight that is too large")
        return HuffmanTable(weights), end
    end = 1 + head
    require(end <= len(data), "ends early")
    table, start = read_distribution(data[:end], 1, 6, 256)
    return HuffmanTable(read_weights(data[start:end], table)), end


def read_weights(data, table):
    """4.2.1.2: two states take turns until the bits run out."""
    stream = BackwardBits(data)
    states = [stream.take(table.accuracy), stream.take(table.accuracy)]
    require(stream.left >= 0, "ends early")
    weights, turn = [], 0
    while True:
        require(len(weights) < 255, "too many weights")
        state = states[turn]
        weights.append(table.symbols[state])
        states[turn] = table.bases[state] + stream.take(table.bits[state])
        turn ^= 1
        if stream.left < 0:
            weights.append(table.symbols[states[turn]])
            require(max(weights) <= 11, "a weight that is too large")
            return weights


# 3.1.1.3 Compressed blocks ------------------------------------------------------------------------

LITERALS_BASE = [
    *range(16), 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
    32768, 65536,
]
LITERALS_BITS = [0] * 16 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
MATCH_BASE = [*range(3, 35), 35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051,
              4099, 8195, 16387, 32771, 65539]
MATCH_BITS = [0] * 32 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]

LITERALS_DEFAULT = StateTable(
    [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1,
     -1, -1, -1, -1], 6)
MATCH_DEFAULT = StateTable(
    [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1], 6)
OFFSET_DEFAULT = StateTable(
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5)

# For literal lengths, offsets and match lengths: default table, accuracy and symbols at most.
KINDS = [(LITERALS_DEFAULT, 9, 36), (OFFSET_DEFAULT, 8, 32), (MATCH_DEFAULT, 9, 53)]


class State:
    """What one block of a frame leaves to the next."""

    def __init__(self, block_maximum):
        self.block_maximum = block_maximum
        self.out = bytearray()
        self.huffman = None
        self.tables = [None, None, None]
        self.offsets = [1, 4, 8]

    def compressed_block(self, data):
        literals, position = self.read_literals(data)
        self.read_sequences(data, position, literals)

    def read_literals(self, data):
        """3.1.1.3.1."""
        head = number(data, 0, 1)
        kind, form = head & 3, head >> 2 & 3
        if kind < 2:
            length = (1, 2, 1, 3)[form]
            size = number(data, 0, length) >> (3 if length == 1 else 4)
            require(size <= self.block_maximum, "too many literals")
            if kind == 1:
                return bytes([number(data, length, 1)]) * size, length + 1
            require(length + size <= len(data), "ends early")
            return data[length : length + size], length + size
        length = (3, 3, 4, 5)[form]
        width = (10, 10, 14, 18)[form]
        sizes = number(data, 0, length) >> 4
        size, packed = sizes & ((1 << width) - 1), sizes >> width
        require(size <= self.block_maximum, "too many literals")
        streams, end = data[length : length + packed], length + packed
        require(len(streams) == packed, "ends early")
        if kind == 2:
            self.huffman, start = read_huffman(streams)
            streams = streams[start:]
        require(self.huffman is not None, "no earlier Huffman table")
        if form == 0:
            return self.huffman.decode(streams, size), end
        return self.four_streams(streams, size), end

    def four_streams(self, data, size):
        """4.2.2, with the jump table of 3.1.1.3.1.6."""
        require(len(data) >= 10 and size >= 6, "too short for four streams")
        ends = [6]
        for k in range(3):
            ends.append(ends[-1] + number(data, 2 * k, 2))
        ends.append(len(data))
        part = (size + 3) // 4
        counts = [part, part, part, size - 3 * part]
        require(ends[3] <= len(data) and counts[3] >= 0, "streams that do not fit")
        parts = [self.huffman.decode(data[ends[k] : ends[k + 1]], counts[k]) for k in range(4)]
        return b"".join(parts)

    def read_sequences(self, data, position, literals):
        """3.1.1.3.2."""
        count = number(data, position, 1)
        position += 1
        if count >= 255:
            count = number(data, position, 2) + 0x7F00
            position += 2
        elif count >= 128:
            count = (count - 128 << 8) + number(data, position, 1)
            position += 1
        if count == 0:
            require(position == len(data), "is followed by more")
            self.out += literals
            return
        modes = number(data, position, 1)
        require(modes & 3 == 0, "a reserved mode")
        position += 1
        for k, shift in enumerate((6, 4, 2)):
            position = self.read_table(k, modes >> shift & 3, data, position)
        self.execute(count, data[position:], literals)

    def read_table(self, k, mode, data, position):
        """3.1.1.3.2.1: predefined, one symbol, described, or that of the block before."""
        default, accuracy, symbols = KINDS[k]
        if mode == 0:
            self.tables[k] = default
        elif mode == 1:
            symbol = number(data, position, 1)
            require(symbol < symbols, "no such symbol")
            self.tables[k] = OneSymbol(symbol)
            position += 1
        elif mode == 2:
            self.tables[k], position = read_distribution(data, position, accuracy, symbols)
        require(self.tables[k] is not None, "no earlier table")
        return position

    def execute(self, count, data, literals):
        """3.1.1.4: decodes the sequences and carries them out."""
        stream = BackwardBits(data)
        tables = self.tables
        states = [stream.take(table.accuracy) for table in tables]
        out, used, limit = self.out, 0, len(self.out) + self.block_maximum
        for turn in range(count):
            literal, offset, match = (t.symbols[s] for t, s in zip(tables, states))
            offset = (1 << offset) + stream.take(offset)
            match = MATCH_BASE[match] + stream.take(MATCH_BITS[match])
            literal = LITERALS_BASE[literal] + stream.take(LITERALS_BITS[literal])
            if turn + 1 < count:
                for k in (0, 2, 1):
                    state = states[k]
                    states[k] = tables[k].bases[state] + stream.take(tables[k].bits[state])
            require(stream.left >= 0, "sequences that end early")
            offset = self.real_offset(offset, literal)
            require(used + literal <= len(literals), "too few literals")
            require(len(out) + literal + match <= limit, "a block is too large")
            out += literals[used : used + literal]
            used += literal
            require(0 < offset <= len(out), "an offset before the beginning")
            start = len(out) - offset
            piece = out[start : start + match]
            out += (piece * (match // len(piece) + 1))[:match]
        require(stream.left == 0, "sequences with bits left over")
        out += literals[used:]

    def real_offset(self, value, literal):
        """3.1.1.5: new offsets, and the three last ones."""
        old = self.offsets
        if value > 3:
            self.offsets = [value - 3, old[0], old[1]]
            return self.offsets[0]
        which = value - 1 + (literal == 0)
        if which == 3:
            self.offsets = [old[0] - 1, old[0], old[1]]
        else:
            self.offsets = [old[which]] + [old[k] for k in range(3) if k != which]
        return self.offsets[0]


# The content checksum: XXH64, seed 0 --------------------------------------------------------------

M64 = 0xFFFFFFFFFFFFFFFF
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotl(x, n):
    return (x << n | x >> 64 - n) & M64


def mixed(acc, word):
    return rotl(acc + word * P2 & M64, 31) * P1 & M64


def xxh64(data):
    position = 0
    if len(data) >= 32:
        acc = [P1 + P2 & M64, P2, 0, -P1 & M64]
        while position + 32 <= len(data):
            for k in range(4):
                acc[k] = mixed(acc[k], number(data, position + 8 * k, 8))
            position += 32
        h = sum(rotl(a, n) for a, n in zip(acc, (1, 7, 12, 18))) & M64
        for a in acc:
            h = (h ^ mixed(0, a)) * P1 + P4 & M64
    else:
        h = P5
    h = h + len(data) & M64
    while position + 8 <= len(data):
        h = rotl(h ^ mixed(0, number(data, position, 8)), 27) * P1 + P4 & M64
        position += 8
    if position + 4 <= len(data):
        h = rotl(h ^ number(data, position, 4) * P1 & M64, 23) * P2 + P3 & M64
        position += 4
    for byte in data[position:]:
        h = rotl(h ^ byte * P5 & M64, 11) * P1 & M64
    h = (h ^ h >> 33) * P2 & M64
    h = (h ^ h >> 29) * P3 & M64
    return h ^ h >> 32
