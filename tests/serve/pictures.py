"""Files that claim to be large: their heads say so, and there is next to nothing behind them."""

from __future__ import annotations

import struct
import zlib


def chunk(kind: bytes, content: bytes) -> bytes:
    """One part of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def zeros(count: int) -> bytes:
    """So many zeros, packed."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(count >> 20)), packer.flush()])


def png(width: int, height: int, rows: bytes, *before: bytes) -> bytes:
    """A PNG file of grey pixels, however large it says it is.

    Args:
        width, height: as its head has them.
        rows: filter bytes and pixels, packed.
        before: other chunks.
    """
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(before) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


SMALL = zlib.compress(bytes(72))  # 8x8 pixels


def bombs() -> dict[str, bytes]:
    """Files of a few kilobytes, too large where somebody decodes them: more than ten million pixels."""
    jpeg = b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00?\x00"
    entries = [(256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, 60_000), (279, 4, 1, 99)]
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    bmp = struct.pack("<IHHIIiiHHIIiiII", 154, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 99, 0, 0, 0, 0)
    return {
        "a png of 60,000 each way in its head": png(60_000, 60_000, b""),
        "a png of 4,000 each way": png(4_000, 4_000, zeros(16 << 20)),
        "a jpeg of 65,535 each way": jpeg + bytes(99),
        "a tiff of 60,000 each way": b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4),
        "a bmp of 60,000 each way": b"BM" + bmp + bytes(99),
    }


def overfull() -> dict[str, bytes]:
    """Small pictures with parts that unpack to 64 MB."""
    packed = zeros(64 << 20)
    return {
        "a text": png(8, 8, SMALL, chunk(b"zTXt", b"a\0\0" + packed)),
        "a profile": png(8, 8, SMALL, chunk(b"iCCP", b"a\0\0" + packed)),
        "rows": png(8, 8, packed),
    }
