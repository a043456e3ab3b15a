"""Small pictures for the demo, drawn by code: no picture file, no imaging library."""

from __future__ import annotations

import functools
import math
import struct
import zlib

WIDTH, HEIGHT = 240, 160
_TINT = (0.86, 0.95, 1.08)


def scan(number: int) -> bytes:
    """Draw a picture in the manner of a chest scan, with one round spot;
    every number gives another one.
    """
    tilt = 7 * math.sin(number * 1.7)
    rows = []
    for y, base in enumerate(_chest()):
        shift = round(tilt * (y / HEIGHT - 0.5))
        light = [base[min(max(x + shift, 0), WIDTH - 1)] for x in range(WIDTH)]
        _add_spot(light, number, y)
        rows.append(b"".join(map(_pixel, light)))
    raw = b"".join(b"\x00" + row for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw, 6))
        + chunk(b"IEND", b"")
    )


@functools.cache
def _pixel(light: int) -> bytes:
    return bytes(min(255, int(light * tint)) for tint in _TINT)


def _add_spot(light: list[int], number: int, y: int) -> None:
    angle, radius = number * 2.4, 9 + 2 * (number % 3)
    middle = WIDTH * (0.69 if number % 2 else 0.31) + 12 * math.cos(angle)
    down = y - HEIGHT / 2 - 30 * math.sin(angle)
    for x in range(int(middle) - radius, int(middle) + radius + 1):
        distance = math.hypot(x - middle, down)
        if distance < radius:
            light[x] = min(230, light[x] + int(95 * (1 - (distance / radius) ** 2) ** 0.5))


@functools.cache
def _chest() -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(_anatomy(x / WIDTH * 2 - 1, y / HEIGHT * 2 - 1) for x in range(WIDTH))
        for y in range(HEIGHT)
    )


def _anatomy(u: float, v: float) -> int:
    light = 18 + 30 * max(0.0, 1 - (u * u * 0.9 + v * v * 0.7))
    for side in (-1, 1):
        lung = ((u - side * 0.38) / 0.27) ** 2 + ((v + 0.02) / 0.68) ** 2
        if lung < 1:
            light += 72 * (1 - lung) ** 0.5 + 9 * math.sin((v + 0.3 * u * side) * 22) * (1 - lung)
    spine = abs(u) / (0.05 + 0.008 * math.cos(v * 40))
    if spine < 1:
        light += 110 * (1 - spine**2) * (0.82 + 0.18 * math.cos(v * 40))
    return max(0, min(255, int(light)))
