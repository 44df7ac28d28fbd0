"""This file knows how to keep the losses of any number of steps as a line of some characters."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_POINTS = 128
"""Points kept; beyond that, two neighbours become one: a step costs the same, however long the run."""
BARS = "▁▂▃▄▅▆▇█"


@dataclass
class LossLine:
    """The mean losses of equal numbers of steps, in order."""

    steps_per_point: int = 1
    points: list[float] = field(default_factory=list)
    _sum: float = 0.0
    _count: int = 0

    def add(self, loss: float) -> None:
        """The next step's loss."""
        self._sum += loss
        self._count += 1
        if self._count < self.steps_per_point:
            return
        self.points.append(self._sum / self._count)
        self._sum, self._count = 0.0, 0
        if len(self.points) == MOST_POINTS:
            self.points = [
                (one + two) / 2 for one, two in zip(self.points[::2], self.points[1::2], strict=True)
            ]
            self.steps_per_point *= 2

    def drawn(self, width: int) -> str:
        """The line in `width` characters, the lowest mean as the lowest bar; empty before the first loss."""
        if not self.points or width < 1:
            return ""
        means = [self._mean_at(index, width) for index in range(width)]
        low, high = min(means), max(means)
        scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
        return "".join(BARS[round((mean - low) * scale)] for mean in means)

    def _mean_at(self, index: int, width: int) -> float:
        """Of the points that one character stands for; neighbours share a point where there are fewer of them."""
        start = index * len(self.points) // width
        stop = max(start + 1, (index + 1) * len(self.points) // width)
        return sum(self.points[start:stop]) / (stop - start)
