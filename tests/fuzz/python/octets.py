"""Faulty files: the bytes of valid ones, changed in a few places."""

from __future__ import annotations

from random import Random

_TOKENS = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1b[2J",
    b"\r\n",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b"'",
    b"\\",
    b"=",
    b",",
    b".",
    b"#",
    b"nan",
    b"inf",
    b"1e999",
    b"-",
    b"9" * 30,
    b"9" * 5000,
    b"0x" + b"f" * 5000,
    b"\\u0000",
    b"\\ud800",
    b"[" * 5000,
    b"null",
    b"true",
    b"\x00" * 4096,
    b"\x80\x04\x95",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x93NUMPY",
    b"(1000000000000,)",
    b"|O",
    b"True",
)


def changed(content: bytes, random: Random) -> bytes:
    """The bytes with one to six changes."""
    data = bytearray(content)
    for _ in range(min(1 + int(random.expovariate(1.2)), 6)):
        start = random.randint(0, len(data))
        end = min(len(data), start + random.choice((1, 1, 2, 4, 16, 256)))
        match random.randrange(9):
            case 0 if start < len(data):
                data[start] ^= 1 << random.randrange(8)
            case 1 if start < len(data):
                data[start] = random.randrange(256)
            case 2:
                del data[start:end]
            case 3:
                data[start:start] = data[start:end] * random.choice((1, 2, 1000))
            case 4 | 5:
                data[start:start] = random.choice(_TOKENS)
            case 6:
                data[start:end] = random.choice(_TOKENS)
            case 7:
                del data[start:]
            case 8:
                other = random.randint(0, len(data))
                data[start:end] = data[other : other + end - start]
    return bytes(data[: 2**20])
