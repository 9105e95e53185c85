"""XXH3 with seed 0 and the default secret, 64 and 128 bits, in plain Python.

Written from the public description of the algorithm. Slow: about 10 MB a second. The results are
integers; §2 of the specification says how they are stored.
"""

import struct

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8"
    "fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364ea"
    "c5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b"
    "16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF

P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
PMX1, PMX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25


def u32(data, offset):
    return struct.unpack_from("<I", data, offset)[0]


def u64(data, offset):
    return struct.unpack_from("<Q", data, offset)[0]


def secret64(offset):
    return u64(SECRET, offset)


def swap32(x):
    return int.from_bytes(x.to_bytes(4, "little"), "big")


def swap64(x):
    return int.from_bytes(x.to_bytes(8, "little"), "big")


def rotl32(x, n):
    return ((x << n) | (x >> (32 - n))) & M32


def rotl64(x, n):
    return ((x << n) | (x >> (64 - n))) & M64


def fold(a, b):
    """The product of 64 by 64 bits, its halves combined by exclusive or."""
    product = a * b
    return (product & M64) ^ (product >> 64)


def avalanche(h):
    h ^= h >> 37
    h = h * PMX1 & M64
    return h ^ (h >> 32)


def avalanche_xxh64(h):
    h ^= h >> 33
    h = h * P64_2 & M64
    h ^= h >> 29
    h = h * P64_3 & M64
    return h ^ (h >> 32)


def rrmxmx(h, length):
    h ^= rotl64(h, 49) ^ rotl64(h, 24)
    h = h * PMX2 & M64
    h ^= ((h >> 35) + length) & M64
    h = h * PMX2 & M64
    return h ^ (h >> 28)


def mix16(data, offset, secret):
    return fold(u64(data, offset) ^ secret64(secret), u64(data, offset + 8) ^ secret64(secret + 8))


# Up to 16 bytes.


def short64(data):
    n = len(data)
    if n > 8:
        flip1 = secret64(24) ^ secret64(32)
        flip2 = secret64(40) ^ secret64(48)
        low = u64(data, 0) ^ flip1
        high = u64(data, n - 8) ^ flip2
        return avalanche((n + swap64(low) + high + fold(low, high)) & M64)
    if n >= 4:
        flip = secret64(8) ^ secret64(16)
        return rrmxmx((u32(data, n - 4) + (u32(data, 0) << 32)) ^ flip, n)
    if n > 0:
        word = (data[0] << 16) | (data[n >> 1] << 24) | data[n - 1] | (n << 8)
        return avalanche_xxh64(word ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    return avalanche_xxh64(secret64(56) ^ secret64(64))


def short128(data):
    n = len(data)
    if n > 8:
        flip_low = secret64(32) ^ secret64(40)
        flip_high = secret64(48) ^ secret64(56)
        low = u64(data, 0)
        high = u64(data, n - 8)
        m = (low ^ high ^ flip_low) * P64_1
        m_low, m_high = m & M64, m >> 64
        m_low = (m_low + ((n - 1) << 54)) & M64
        high ^= flip_high
        m_high = (m_high + high + (high & M32) * (P32_2 - 1)) & M64
        m_low ^= swap64(m_high)
        h = m_low * P64_2
        h_low, h_high = h & M64, (h >> 64) + m_high * P64_2 & M64
        return avalanche(h_low) | avalanche(h_high) << 64
    if n >= 4:
        flip = secret64(16) ^ secret64(24)
        word = (u32(data, 0) + (u32(data, n - 4) << 32)) ^ flip
        m = word * (P64_1 + (n << 2) & M64)
        low, high = m & M64, m >> 64
        high = (high + (low << 1)) & M64
        low ^= high >> 3
        low ^= low >> 35
        low = low * PMX2 & M64
        low ^= low >> 28
        return low | avalanche(high) << 64
    if n > 0:
        word = (data[0] << 16) | (data[n >> 1] << 24) | data[n - 1] | (n << 8)
        other = rotl32(swap32(word), 13)
        low = word ^ u32(SECRET, 0) ^ u32(SECRET, 4)
        high = other ^ u32(SECRET, 8) ^ u32(SECRET, 12)
        return avalanche_xxh64(low) | avalanche_xxh64(high) << 64
    low = avalanche_xxh64(secret64(64) ^ secret64(72))
    high = avalanche_xxh64(secret64(80) ^ secret64(88))
    return low | high << 64


# 17 to 240 bytes.


def middle64(data):
    n = len(data)
    acc = n * P64_1 & M64
    if n <= 128:
        for i in reversed(range((n - 1) // 32 + 1)):
            acc += mix16(data, 16 * i, 32 * i)
            acc += mix16(data, n - 16 * (i + 1), 32 * i + 16)
        return avalanche(acc & M64)
    for i in range(8):
        acc += mix16(data, 16 * i, 16 * i)
    acc = avalanche(acc & M64)
    for i in range(8, n // 16):
        acc += mix16(data, 16 * i, 16 * (i - 8) + 3)
    acc += mix16(data, n - 16, 136 - 17)
    return avalanche(acc & M64)


def mix32(acc, data, first, second, secret):
    low, high = acc
    low = (low + mix16(data, first, secret)) & M64
    low ^= (u64(data, second) + u64(data, second + 8)) & M64
    high = (high + mix16(data, second, secret + 16)) & M64
    high ^= (u64(data, first) + u64(data, first + 8)) & M64
    return low, high


def finish_middle128(acc, n):
    low, high = acc
    first = (low + high) & M64
    second = (low * P64_1 + high * P64_4 + n * P64_2) & M64
    return avalanche(first) | ((-avalanche(second)) & M64) << 64


def middle128(data):
    n = len(data)
    acc = (n * P64_1 & M64, 0)
    if n <= 128:
        for i in reversed(range((n - 1) // 32 + 1)):
            acc = mix32(acc, data, 16 * i, n - 16 * (i + 1), 32 * i)
        return finish_middle128(acc, n)
    for i in range(4):
        acc = mix32(acc, data, 32 * i, 32 * i + 16, 32 * i)
    acc = (avalanche(acc[0]), avalanche(acc[1]))
    for i in range(4, n // 32):
        acc = mix32(acc, data, 32 * i, 32 * i + 16, 3 + 32 * (i - 4))
    acc = mix32(acc, data, n - 16, n - 32, 136 - 17 - 16)
    return finish_middle128(acc, n)


# More than 240 bytes.

STRIPE = 64
STRIPES_IN_BLOCK = (len(SECRET) - STRIPE) // 8
STRIPE_WORDS = struct.Struct("<8Q")
STRIPE_KEYS = [STRIPE_WORDS.unpack_from(SECRET, 8 * i) for i in range(STRIPES_IN_BLOCK)]
SCRAMBLE_KEYS = STRIPE_WORDS.unpack_from(SECRET, len(SECRET) - STRIPE)
LAST_KEYS = STRIPE_WORDS.unpack_from(SECRET, len(SECRET) - STRIPE - 7)


def accumulate(acc, words, keys):
    for i in range(8):
        word = words[i]
        mixed = word ^ keys[i]
        acc[i ^ 1] += word
        acc[i] += (mixed & M32) * (mixed >> 32)


def long_accumulators(data):
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    n = len(data)
    stripes = (n - 1) // STRIPE
    for first in range(0, stripes, STRIPES_IN_BLOCK):
        count = min(STRIPES_IN_BLOCK, stripes - first)
        for k in range(count):
            accumulate(acc, STRIPE_WORDS.unpack_from(data, (first + k) * STRIPE), STRIPE_KEYS[k])
        for i in range(8):
            a = acc[i] & M64
            if count == STRIPES_IN_BLOCK:
                a = ((a ^ (a >> 47) ^ SCRAMBLE_KEYS[i]) * P32_1) & M64
            acc[i] = a
    accumulate(acc, STRIPE_WORDS.unpack_from(data, n - STRIPE), LAST_KEYS)
    return [a & M64 for a in acc]


def merge(acc, secret, start):
    for i in range(4):
        low = acc[2 * i] ^ secret64(secret + 16 * i)
        start += fold(low, acc[2 * i + 1] ^ secret64(secret + 16 * i + 8))
    return avalanche(start & M64)


def xxh3_64(data):
    """The 64-bit hash of some bytes."""
    n = len(data)
    if n <= 16:
        return short64(data)
    if n <= 240:
        return middle64(data)
    return merge(long_accumulators(data), 11, n * P64_1 & M64)


def xxh3_128(data):
    """The 128-bit hash of some bytes."""
    n = len(data)
    if n <= 16:
        return short128(data)
    if n <= 240:
        return middle128(data)
    acc = long_accumulators(data)
    low = merge(acc, 11, n * P64_1 & M64)
    high = merge(acc, len(SECRET) - STRIPE - 11, ~(n * P64_2) & M64)
    return low | high << 64
