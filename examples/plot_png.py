"""Writes a line chart as a PNG file with nothing but the standard library."""

import struct
import zlib

# Five rows of three dots for the characters of numbers; the highest bit is on the left.
_FONT = {
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 7, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 1, 1, 1),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
    ".": (0, 0, 0, 0, 2),
    "-": (0, 0, 7, 0, 0),
    "k": (4, 5, 6, 6, 5),
    " ": (0, 0, 0, 0, 0),
}
BLACK, GREY = (40, 40, 40), (215, 215, 215)


class Canvas:
    """An RGB image, white at first; (0, 0) is at the upper left."""

    def __init__(self, width: int, height: int):
        self.width, self.height = width, height
        self.pixels = bytearray(b"\xff" * (3 * width * height))

    def dot(self, x: int, y: int, color):
        if 0 <= x < self.width and 0 <= y < self.height:
            start = 3 * (y * self.width + x)
            self.pixels[start : start + 3] = bytes(color)

    def line(self, x0: float, y0: float, x1: float, y1: float, color, thickness: int = 1):
        count = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
        for i in range(count + 1):
            x, y = x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count
            for offset in range(thickness * thickness):
                self.dot(int(x) + offset % thickness, int(y) + offset // thickness, color)

    def text(self, x: int, y: int, text: str, scale: int = 2):
        for char in text:
            for row, bits in enumerate(_FONT.get(char, _FONT[" "])):
                for i in range(3 * scale * scale):
                    column, within = divmod(i, scale * scale)
                    if bits >> (2 - column) & 1:
                        dx, dy = within % scale, within // scale
                        self.dot(x + column * scale + dx, y + row * scale + dy, BLACK)
            x += 4 * scale

    def save(self, path):
        """Write the file: one filter byte before each row, rows compressed together."""
        stride = 3 * self.width
        rows = (self.pixels[i : i + stride] for i in range(0, len(self.pixels), stride))
        data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n")
            for kind, body in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
                checksum = zlib.crc32(kind + body)
                file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum))


def save_line_chart(path, curves, levels=(), size=(800, 480)):
    """Draw curves and horizontal levels against common axes with numbers.

    Args:
        path: The file to write.
        curves: Pairs of a color and a list of points ``(x, y)``.
        levels: Pairs of a color and a value ``y``.
        size: Width and height in pixels.
    """
    points = [p for _, curve in curves for p in curve]
    if not points:
        points = [(0, 0), (1, 1)]
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    ys = [y for _, y in points] + [y for _, y in levels]
    y_low, y_high = min(ys), max(ys)
    margin = 0.05 * (y_high - y_low) or 1.0
    y_low, y_high = y_low - margin, y_high + margin

    width, height = size
    left, right, top, bottom = 60, width - 20, 15, height - 35
    canvas = Canvas(width, height)

    def place(x, y):
        across = (x - x_low) / ((x_high - x_low) or 1)
        up = (y - y_low) / (y_high - y_low)
        return left + across * (right - left), bottom - up * (bottom - top)

    for i in range(6):
        x, y = x_low + (x_high - x_low) * i / 5, y_low + (y_high - y_low) * i / 5
        px, py = (int(v) for v in place(x, y))
        canvas.line(left, py, right, py, GREY)
        canvas.line(px, top, px, bottom, GREY)
        canvas.text(left - 48, py - 5, f"{y:.2f}")
        label = f"{x / 1000:.0f}k" if x_high >= 10000 else f"{x:.0f}"
        canvas.text(px - 4 * len(label), bottom + 12, label)
    canvas.line(left, top, left, bottom, BLACK)
    canvas.line(left, bottom, right, bottom, BLACK)
    for color, y in levels:
        _, py = place(x_low, y)
        for px in range(left, right, 12):
            canvas.line(px, py, px + 6, py, color)
    for color, curve in curves:
        placed = [place(x, y) for x, y in curve]
        for (x0, y0), (x1, y1) in zip(placed, placed[1:]):
            canvas.line(x0, y0, x1, y1, color, thickness=2)
    canvas.save(path)
