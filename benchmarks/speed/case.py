"""One thing to measure: which rows, which model, how many at a time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

EVALUATION_ROWS = {"minilm": 384, "bert-base": 128}
TRAINING_ROWS = {"minilm": 192, "bert-base": 32}
LONG_SHARE = 8
"""Long text has about 16 times as many tokens a row: this many times fewer rows are taken."""
LONG = "cga_cmv_valid"
LEAST_STEPS = 2


@dataclass(frozen=True)
class Case:
    """All that both sides must be told; it travels to a fresh process as JSON."""

    data: str
    """A name of `data.FILES`."""
    model: str
    """`minilm`, or what `models.SHAPES` names."""
    folder: str
    """Where the model is: what `load_base` is given."""
    batch_size: int
    num_steps: int
    """Optimizer steps of one measurement: one whole pass over `num_rows` rows."""
    device: str = "cpu"
    max_length: int | None = None
    """Most tokens of a row; None: what the model reads."""

    @property
    def num_rows(self) -> int:
        """Training rows."""
        return self.batch_size * self.num_steps

    @property
    def evaluation_rows(self) -> int:
        """Rows of one evaluation or prediction."""
        rows = EVALUATION_ROWS.get(self.model, 384)
        return rows // LONG_SHARE if self.data == LONG else rows

    @property
    def name(self) -> str:
        """`minilm, sst2_sentences, batch 8`."""
        return f"{self.model}, {self.data}, batch {self.batch_size}"

    def to_json(self) -> str:
        """For the command line of a fresh process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Case:
        """What `to_json` wrote."""
        return cls(**json.loads(text))


def default_steps(data: str, model: str, batch_size: int) -> int:
    """Steps of one measurement, chosen so that the whole run takes about an hour on 2 cores."""
    rows = TRAINING_ROWS.get(model, 192)
    return max(LEAST_STEPS, (rows // LONG_SHARE if data == LONG else rows) // batch_size)
