"""The size of a picture is known from its head, and nothing is decoded for it."""

from __future__ import annotations

import io
import struct
import tracemalloc

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.serve.pictures import bombs, overfull, png
from yolotiny.serve.picture import PAGES, check_header
from yolotiny.serve.refused import Refused

BOMBS, OVERFULL = bombs(), overfull()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif"])
def test_pictures_of_every_format_pass_up_to_the_bound_and_not_beyond(suffix):
    content = cv2.imencode(suffix, np.zeros((20, 30, 3), np.uint8))[1].tobytes()
    check_header(content, 600)
    with pytest.raises(Refused, match="the picture has 600 pixels; this service opens up to 599") as caught:
        check_header(content, 599)
    assert caught.value.status == 413


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_known_by_its_head(content):
    assert len(content) < 50_000
    with pytest.raises(Refused) as caught:
        check_header(content, 10_000_000)
    assert caught.value.status == 413


@pytest.mark.parametrize("content", OVERFULL.values(), ids=OVERFULL)
def test_what_is_packed_into_a_small_picture_is_not_unpacked(content):
    assert len(content) < 100_000
    tracemalloc.start()
    try:
        check_header(content, 64)
    except Refused as refused:
        assert refused.status == 422
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 8 << 20


def test_the_pages_of_a_tiff_count_together():
    pages = [Image.fromarray(np.zeros((10, 10), np.uint8))] * 3
    content = io.BytesIO()
    pages[0].save(content, "TIFF", save_all=True, append_images=pages[1:])
    check_header(content.getvalue(), 300)
    with pytest.raises(Refused, match="300 pixels"):
        check_header(content.getvalue(), 299)
    lost = bytearray(content.getvalue())
    (first,) = struct.unpack("<I", lost[4:8])
    after = first + 2 + 12 * struct.unpack("<H", lost[first : first + 2])[0]
    lost[after : after + 4] = struct.pack("<I", 1 << 24)  # where the second page would be
    with pytest.raises(Refused, match="no picture that can be read"):
        check_header(bytes(lost), 300)
    many = io.BytesIO()
    pages[0].save(many, "TIFF", save_all=True, append_images=pages[:1] * PAGES)
    with pytest.raises(Refused, match=f"more than {PAGES} pages"):
        check_header(many.getvalue(), 1_000_000)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 4), (20, 30, 5)])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_a_tiff_of_any_bands_and_numbers_says_its_size(shape, kind):
    pixels = np.ones(shape, kind)
    if len(shape) == 3 and shape[2] > 4:  # OpenCV writes such bands as pages
        content = cv2.imencodemulti(".tiff", list(np.moveaxis(pixels, 2, 0)))[1].tobytes()
    else:
        content = cv2.imencode(".tiff", pixels)[1].tobytes()
    pages = shape[2] if len(shape) == 3 and shape[2] > 4 else 1
    check_header(content, 600 * pages)
    with pytest.raises(Refused, match="pixels"):
        check_header(content, 600 * pages - 1)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_directory_of_a_tiff_is_read_in_every_order_and_width_and_what_it_points_to_is_not(order, big):
    """As many tags as there may be, each of which says that all the file is its value."""
    tags = [(256, 4, 1, 20), (257, 3, 1, 30), *((n, 7, 1 << 20, 0) for n in range(1000, 1900))]
    packed = b""
    for tag, kind, count, value in tags:
        value = value << (16 if kind == 3 and order == ">" else 0)  # a short stands at the front of its place
        value = value << (32 if big and order == ">" else 0)
        packed += struct.pack(order + ("HHQQ" if big else "HHII"), tag, kind, count, value)
    mark = b"II" if order == "<" else b"MM"
    head = (
        struct.pack(order + "HHHQQ", 43, 8, 0, 16, len(tags)) if big else struct.pack(order + "HIH", 42, 8, len(tags))
    )
    content = mark + head + packed + bytes(8) + bytes(1 << 20)
    tracemalloc.start()
    check_header(content, 600)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    with pytest.raises(Refused, match="600 pixels"):
        check_header(content, 599)


NONE = [b"x", b"GIF89a" + bytes(99), png(0, 9, b""), b"II*\0" + bytes(4), b"\xff\xd8\xff", b"<svg/>"]


@pytest.mark.parametrize("content", NONE)
def test_what_is_no_picture_is_one_line(content):
    with pytest.raises(Refused, match="no picture that can be read") as caught:
        check_header(content, 1000)
    assert caught.value.status == 422 and "\n" not in caught.value.line
