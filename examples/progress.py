"""A progress bar for training that is limited by time."""

import sys
import time


class ProgressBar:
    """Shows share of the time, loss, speed, memory and time left.

    On a terminal one line is rewritten five times a second; elsewhere a line is printed for
    each tenth of the time.
    """

    WIDTH = 24

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.start = time.perf_counter()
        self.is_terminal = sys.stderr.isatty()
        self.interval = 0.2 if self.is_terminal else seconds / 10
        self.shown = -self.interval
        self.line = ""

    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    def update(self, tokens: int, loss: float, memory_bytes: int):
        elapsed = self.elapsed()
        self.line = self._format(elapsed, tokens, loss, memory_bytes)
        if elapsed - self.shown >= self.interval:
            self.shown = elapsed
            self._show()

    def close(self):
        """Show the last state and end the line."""
        self._show()
        if self.is_terminal:
            print(file=sys.stderr)

    def _show(self):
        start, end = ("\r", "\x1b[K") if self.is_terminal else ("", "\n")
        print(start + self.line, end=end, file=sys.stderr, flush=True)

    def _format(self, elapsed: float, tokens: int, loss: float, memory_bytes: int) -> str:
        share = min(elapsed / self.seconds, 1.0)
        filled = int(share * self.WIDTH)
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        left = max(self.seconds - elapsed, 0)
        return (
            f"{bar} {share:4.0%}  loss {loss:.3f}  {tokens / elapsed:,.0f} tok/s  "
            f"{memory_bytes / 2**20:,.0f} MB  {left:.0f} s left"
        )
