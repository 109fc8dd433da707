"""A progress bar for training."""

import sys
import time


class ProgressBar:
    """Shows the share that is done, loss, speed, memory and time left.

    On a terminal one line is rewritten five times a second; elsewhere a line is printed for
    each tenth of the work.
    """

    WIDTH = 24

    def __init__(self):
        self.start = time.perf_counter()
        self.is_terminal = sys.stderr.isatty()
        self.shown_at, self.shown_tenths = -1.0, -1
        self.line = ""

    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    def update(self, done: float, tokens: int, loss: float, memory_bytes: int):
        """``done`` is the share of the work, from 0 to 1."""
        elapsed, tenths = self.elapsed(), int(done * 10)
        self.line = self._format(done, elapsed, tokens, loss, memory_bytes)
        is_due = elapsed - self.shown_at >= 0.2 if self.is_terminal else tenths > self.shown_tenths
        if is_due:
            self.shown_at, self.shown_tenths = elapsed, tenths
            self._show()

    def close(self):
        """Show the last state and end the line."""
        self._show()
        if self.is_terminal:
            print(file=sys.stderr)

    def _show(self):
        start, end = ("\r", "\x1b[K") if self.is_terminal else ("", "\n")
        print(start + self.line, end=end, file=sys.stderr, flush=True)

    def _format(self, done, elapsed: float, tokens: int, loss: float, memory_bytes: int) -> str:
        filled = int(done * self.WIDTH)
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        left = elapsed * (1 / max(done, 1e-9) - 1)
        return (
            f"{bar} {done:4.0%}  loss {loss:.3f}  {tokens / elapsed:,.0f} tok/s  "
            f"{memory_bytes / 2**20:,.0f} MB  {left:.0f} s left"
        )
