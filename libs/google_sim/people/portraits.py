"""Photos of people: a head and shoulders before a plain ground, in colours of their own. PNG, without anything but zlib."""

import hashlib
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

SIZE = 100
Colour = tuple[int, int, int]


class Palette(NamedTuple):
    """What somebody is drawn with."""

    ground: Colour
    skin: Colour
    hair: Colour
    clothes: Colour


@lru_cache(maxsize=500)
def portrait(seed: str) -> bytes:
    """The same image for the same seed, as a PNG of 100 × 100."""
    noise = hashlib.sha256(seed.encode()).digest()
    palette = Palette(
        ground=(150 + noise[0] % 90, 150 + noise[1] % 90, 150 + noise[2] % 90),
        skin=_between((110, 72, 50), (244, 208, 180), noise[3]),
        hair=_between((24, 18, 16), (196, 150, 92), noise[4]),
        clothes=(40 + noise[5] % 150, 40 + noise[6] % 150, 40 + noise[7] % 150),
    )
    rows = bytearray()
    for y in range(SIZE):
        rows.append(0)  # no filter
        for x in range(SIZE):
            rows += bytes(_colour(x, y, palette))
    return _png(bytes(rows))


def _between(dark: Colour, light: Colour, share: int) -> Colour:
    """The colour `share` of 255 on the way."""
    red, green, blue = (first + (last - first) * share // 255 for first, last in zip(dark, light, strict=True))
    return red, green, blue


def _colour(x: int, y: int, palette: Palette) -> Colour:
    if ((x - 50) / 15) ** 2 + ((y - 46) / 19) ** 2 < 1:
        return palette.skin if y > 36 else palette.hair
    if ((x - 50) / 19) ** 2 + ((y - 41) / 20) ** 2 < 1 and y < 52:
        return palette.hair
    if ((x - 50) / 36) ** 2 + ((y - 105) / 36) ** 2 < 1:
        return palette.clothes
    if abs(x - 50) < 7 and 60 < y < 80:
        return palette.skin
    shade = (SIZE - y) // 4
    red, green, blue = palette.ground
    return min(255, red + shade), min(255, green + shade), min(255, blue + shade)


def _png(rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
