from __future__ import annotations

import csv
import io
import json
import os
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.unit.inference.models import LABELS, tiny_predictor, write_classifier

from bertsmith.config import Config
from bertsmith.data.reading import open_table
from bertsmith.data.table import ReadOptions, Row, Table
from bertsmith.errors import ConfigError, DataError, MissingColumn, UnreadableFile
from bertsmith.inference.prediction_file import PredictionOptions, write_predictions
from bertsmith.inference.predictor import Predictor
from bertsmith.inference.row_stream import predict_rows, read_rows
from bertsmith.run_folder import MARK

SMALL_CHUNKS = PredictionOptions(chunk_rows=3, batch_size=2)


@pytest.fixture(scope="module")
def predictor(tmp_path_factory) -> Predictor:
    return tiny_predictor(tmp_path_factory.mktemp("model"))


def predicted(predictor, content: str | bytes, *, options=SMALL_CHUNKS) -> list[dict[str, str]]:
    """The rows of the CSV that comes out for this input."""
    given = content.encode() if isinstance(content, str) else content
    output = io.BytesIO()
    write_predictions(predictor, io.BytesIO(given), output, options=options)
    return list(csv.DictReader(io.StringIO(output.getvalue().decode(), newline="")))


@pytest.mark.parametrize("num_rows", [1, 2, 3, 4, 6, 7, 10])
def test_rows_come_out_in_order_with_the_answer_for_their_own_text(predictor, num_rows):
    texts = [f"a {'good ' * (7 * n % 5)}movie {n}" for n in range(num_rows)]
    rows = predicted(predictor, "id,text\n" + "".join(f"{n},{text}\n" for n, text in enumerate(texts)))
    assert [row["text"] for row in rows] == texts
    for row, answer in zip(rows, predictor.predict(texts), strict=True):
        assert row["label"] == answer.label
        assert float(row["probability"]) == pytest.approx(answer.probability, abs=2e-6)
        for name in LABELS:
            assert float(row[f"probability_{name}"]) == pytest.approx(answer.probabilities[name], abs=2e-6)
        assert row["error"] == ""


def test_rows_that_cannot_be_used_stay_in_place_and_say_why(predictor):
    content = 'id,text\n1,good\n2,\n3,"   "\n4,bad\n5,too,many\n6\n7,fine\n8,a\x00b\n9,great\n'
    rows = predicted(predictor, content)
    assert [row["id"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    assert [row["error"] for row in rows] == [
        "",
        "line 3: the text is empty",
        "line 4: the text is empty",
        "",
        "line 6: 2 fields expected, 3 found",
        "line 7: 2 fields expected, 1 found",
        "",
        "line 9: a cell holds a NUL character",
        "",
    ]
    for row in rows:
        assert (row["label"] == "") == (row["error"] != "") == (row["probability_neutral"] == "")


def test_a_lone_surrogate_and_a_null_are_errors_and_the_text_is_written_as_it_came(predictor):
    lines = ['{"text": "a \\ud800 b"}', '{"text": null}', '{"text": ["x"]}', '{"text": "good"}']
    output = io.BytesIO()
    options = PredictionOptions(output_format="jsonl", chunk_rows=3)
    summary = write_predictions(predictor, io.BytesIO("\n".join(lines).encode()), output, options=options)
    rows = [json.loads(line) for line in output.getvalue().splitlines()]
    assert rows[0]["text"] == "a \ud800 b"
    assert [row["label"] is None for row in rows] == [True, True, True, False]
    assert [row["error"] for row in rows] == [
        "line 1: a cell holds half of a surrogate pair, which is no character",
        "line 2: the text is missing",
        "line 3: the value of 'text' is nested, not a text",
        None,
    ]
    assert (summary.rows, summary.predicted, summary.failed) == (4, 1, 3)


@pytest.mark.parametrize("output_format", ["csv", "parquet"])
def test_a_lone_surrogate_is_written_as_its_escape_where_text_must_be_utf8(predictor, output_format):
    output = io.BytesIO()
    options = PredictionOptions(output_format=output_format)
    write_predictions(predictor, io.BytesIO(b'{"text": "a \\ud800"}\n{"text": "b"}'), output, options=options)
    if output_format == "csv":
        assert b"a \\ud800," in output.getvalue()
    else:
        assert pq.read_table(io.BytesIO(output.getvalue()))["text"].to_pylist() == ["a \\ud800", "b"]


def test_words_that_mean_nothing_elsewhere_are_texts(predictor):
    texts = ["NA", "null", "None", "nan", "N/A", "NULL", "true", "#N/A", "0", "inf"]
    rows = predicted(predictor, "text,id\n" + "".join(f"{text},{n}\n" for n, text in enumerate(texts)))
    assert [row["text"] for row in rows] == texts
    assert [row["label"] for row in rows] == [answer.label for answer in predictor.predict(texts)]


def test_a_formula_is_neutralised_unless_raw_csv_is_asked_for(predictor):
    content = 'text,n,=x\n=1+1,-0.5,@a\n"-good, bad",+44,ok\n'
    rows = predicted(predictor, content)
    assert [list(row)[:3] for row in rows] == [["text", "n", "'=x"]] * 2
    assert [list(row.values())[:3] for row in rows] == [
        ["'=1+1", "-0.5", "'@a"],
        ["'-good, bad", "+44", "ok"],
    ]
    raw = predicted(predictor, content, options=PredictionOptions(raw_csv=True))
    assert [list(row.values())[:3] for row in raw] == [["=1+1", "-0.5", "@a"], ["-good, bad", "+44", "ok"]]


def test_label_names_cannot_run_as_formulas_either(tmp_path):
    rows = predicted(tiny_predictor(tmp_path, labels=("=A1", "@b")), "text,id\ngood,1\nbad,2\n")
    assert {row["label"] for row in rows} <= {"'=A1", "'@b"}


def test_cells_with_line_breaks_quotes_and_delimiters_come_back_as_they_were(predictor):
    cells = ["a\rb", "a\nb", "a\r\nb", 'say "x"', "a,b", "a;b", "a\tb", " spaced ", "é😀", "x'"]
    given = io.StringIO()
    csv.writer(given).writerows([["id", "text"], *enumerate(cells)])
    assert [row["text"] for row in predicted(predictor, given.getvalue())] == cells


def test_a_labelled_file_keeps_its_labels(predictor):
    [row] = predicted(predictor, "text,label\ngood,mine\n")
    assert row["label"] == "mine"
    assert row["predicted_label"] in LABELS


def test_json_lines_have_nulls_and_full_probabilities(predictor, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text,id\ngood,1\n,2\n")
    write_predictions(predictor, source, tmp_path / "out.jsonl")
    first, second = (json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines())
    assert list(first) == [
        "text",
        "id",
        "label",
        "probability",
        *(f"probability_{n}" for n in LABELS),
        "error",
    ]
    assert first["probability"] == predictor.predict("good")[0].probability
    assert second == {
        "text": "",
        "id": "2",
        "label": None,
        "probability": None,
        **{f"probability_{name}": None for name in LABELS},
        "error": "line 3: the text is empty",
    }


LATE = [{"text": "good", "n": 1}] * 1001 + [{"text": "bad", "label": "mine", "late": {"x": [1.50]}}]


def test_a_key_that_comes_late_keeps_its_value_beside_our_column_of_the_same_name(predictor):
    output = io.BytesIO()
    options = PredictionOptions(output_format="jsonl")
    content = "\n".join(json.dumps(row) for row in LATE).encode()
    summary = write_predictions(predictor, io.BytesIO(content), output, options=options)
    first, *_, last = (
        json.loads(line, object_pairs_hook=_no_key_twice) for line in output.getvalue().splitlines()
    )
    assert first["label"] in LABELS
    assert (last["label"], last["late"]) == ("mine", {"x": [1.5]})
    assert last["predicted_label"] == predictor.predict("bad")[0].label
    assert "There is 1 row where a key" in summary.notes[-1]


def _no_key_twice(pairs):
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


@pytest.mark.parametrize("output_format", ["csv", "parquet"])
def test_keys_that_come_too_late_for_a_column_are_told(predictor, output_format):
    content = "\n".join(json.dumps(row) for row in LATE).encode()
    options = PredictionOptions(output_format=output_format)
    summary = write_predictions(predictor, io.BytesIO(content), io.BytesIO(), options=options)
    assert "There is 1 row with keys" in summary.notes[-1]
    assert "('label', 'late'): their values are not in the output" in summary.notes[-1]


def test_nested_values_of_columns_that_are_not_used_are_written_as_json(predictor):
    content = '{"text": "good", "tags": ["é", {"a": 1}]}\n{"text": ["x"], "tags": null}\n'
    rows = predicted(predictor, content)
    assert [row["tags"] for row in rows] == ['["é", {"a": 1}]', ""]
    assert (rows[0]["error"], rows[1]["text"]) == ("", '["x"]')
    assert rows[1]["error"] == "line 2: the value of 'text' is nested, not a text"


def test_a_number_of_five_thousand_digits_is_no_bug(predictor):
    [row] = predicted(predictor, '{"text": "good", "tags": [%s]}\n' % ("7" * 5000))
    assert row["error"] == "" and "7" * 5000 in row["tags"]


def test_a_repeated_header_keeps_its_cells(predictor):
    rows = predicted(predictor, "text,id\ngood,1\ntext,id\nbad,2\n")
    assert [row["id"] for row in rows] == ["1", "id", "2"]
    assert rows[1]["error"] == "line 3: it repeats the header"


def test_parquet_has_text_and_float_columns(predictor, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text,id\ngood,1\n,2\nbad,3\n")
    write_predictions(predictor, source, tmp_path / "out.parquet", options=SMALL_CHUNKS)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["text"].to_pylist() == ["good", "", "bad"]
    assert str(table.schema.field("probability_neutral").type) == "double"
    assert table["label"].to_pylist()[1] is None
    assert np.allclose(
        [table[f"probability_{name}"][2].as_py() for name in LABELS],
        predictor.predict_probabilities("bad")[0],
        atol=1e-6,
    )


def test_parquet_in_gives_the_same_answers(predictor, tmp_path):
    (tmp_path / "in.csv").write_text("text,id\ngood,1\nbad,2\n")
    write_predictions(predictor, tmp_path / "in.csv", tmp_path / "a.parquet")
    options = PredictionOptions(read=ReadOptions(text_column="text"))
    write_predictions(predictor, tmp_path / "a.parquet", tmp_path / "b.parquet", options=options)
    again = pq.read_table(tmp_path / "b.parquet")
    assert again["predicted_label"].to_pylist() == again["label"].to_pylist()


@pytest.mark.parametrize(("name", "delimiter"), [("out.tsv", "\t"), ("out.csv", ","), ("out", "\t")])
def test_the_ending_of_the_output_decides_and_else_tsv_stays_tsv(predictor, tmp_path, name, delimiter):
    (tmp_path / "in.tsv").write_text("text\tid\ngood\t1\nbad\t2\n")
    write_predictions(predictor, tmp_path / "in.tsv", tmp_path / name)
    assert (tmp_path / name).read_text().startswith(delimiter.join(["text", "id", "label", "probability"]))


def test_a_named_delimiter_is_kept(predictor):
    output = io.BytesIO()
    options = PredictionOptions(read=ReadOptions(delimiter=";"))
    write_predictions(predictor, io.BytesIO(b"text;id\ngood, really;1\n"), output, options=options)
    assert output.getvalue().splitlines()[1].startswith(b"good, really;1;")


def test_standard_input_and_output_are_called_dash(predictor, monkeypatch):
    class Standard:
        def __init__(self, content: bytes = b"") -> None:
            self.buffer = io.BytesIO(content)

    output = Standard()
    monkeypatch.setattr("sys.stdin", Standard(b"text,id\ngood,1\n"))
    monkeypatch.setattr("sys.stdout", output)
    assert write_predictions(predictor, "-", "-").predicted == 1
    assert output.buffer.getvalue().count(b"\n") == 2


def test_rows_longer_than_the_model_reads_are_counted(predictor):
    content = f"text,id\ngood,1\n{'good ' * 500},2\n{'bad ' * 63},3\n"
    assert write_predictions(predictor, io.BytesIO(content.encode()), io.BytesIO()).cut == 2


def test_a_limit_ends_the_reading(predictor):
    options = PredictionOptions(read=ReadOptions(limit=2))
    assert len(predicted(predictor, "text,id\na,1\nb,2\nc,3\n", options=options)) == 2


def test_a_lone_header_gives_no_rows_and_a_note(predictor):
    summary = write_predictions(predictor, io.BytesIO(b"text\n"), io.BytesIO())
    assert summary.rows == 0
    assert "--no-header" in summary.notes[-1]


def test_progress_counts_every_row_once(predictor):
    counts: list[int] = []
    content = b"text,id\n" + b"".join(b"%s,%d\n" % (b"" if n % 4 == 0 else b"good", n) for n in range(10))
    write_predictions(
        predictor, io.BytesIO(content), io.BytesIO(), options=SMALL_CHUNKS, on_rows=counts.append
    )
    assert sum(counts) == 10


class TestDestination:
    @pytest.fixture
    def source(self, tmp_path):
        (tmp_path / "in.csv").write_text("text,id\ngood,1\n")
        return tmp_path / "in.csv"

    def test_the_input_itself_is_refused(self, predictor, source):
        with pytest.raises(ConfigError, match="the input file itself"):
            write_predictions(predictor, source, source, options=PredictionOptions(overwrite=True))
        assert source.read_text() == "text,id\ngood,1\n"

    def test_a_file_that_is_there_is_refused_unless_told(self, predictor, source, tmp_path):
        (tmp_path / "out.csv").write_text("mine")
        with pytest.raises(ConfigError, match="already there"):
            write_predictions(predictor, source, tmp_path / "out.csv")
        assert (tmp_path / "out.csv").read_text() == "mine"
        options = PredictionOptions(overwrite=True)
        write_predictions(predictor, source, tmp_path / "out.csv", options=options)
        assert (tmp_path / "out.csv").read_text().startswith("text,id,label")

    def test_a_missing_folder_is_refused_before_any_work(self, predictor, source, tmp_path):
        with pytest.raises(ConfigError, match="there is no folder"):
            write_predictions(predictor, source, tmp_path / "no" / "out.csv")

    @pytest.mark.parametrize("ending", [".txt", ".xlsx", ".csv.gz", ".v2"])
    def test_an_ending_that_we_do_not_write_is_refused_unless_the_format_is_said(
        self, predictor, source, tmp_path, ending
    ):
        path = tmp_path / f"out{ending}"
        with pytest.raises(ConfigError, match=r"not written as \.\w+\. Known endings: \.csv, .*\.parquet"):
            write_predictions(predictor, source, path)
        assert not path.exists()
        write_predictions(predictor, source, path, options=PredictionOptions(output_format="csv"))
        assert path.read_text().startswith("text,id,label")

    @pytest.mark.parametrize("output_format", ["csv", "jsonl", "parquet"])
    def test_a_full_disk_is_told_with_the_name_of_the_output(self, predictor, source, output_format):
        options = PredictionOptions(output_format=output_format)
        with pytest.raises(ConfigError, match=r"^--output /dev/full: .*No space left.* Make room"):
            write_predictions(predictor, source, "/dev/full", options=options)

    @pytest.mark.parametrize("length", [250, 300])
    def test_a_name_that_no_file_system_takes_is_refused(self, predictor, source, tmp_path, length):
        with pytest.raises(ConfigError, match=r"--output .*File name too long\)\. Choose another name"):
            write_predictions(predictor, source, tmp_path / f"{'x' * length}.csv")

    def test_a_folder_that_takes_no_files_is_told(self, predictor, source):
        with pytest.raises(ConfigError, match=r"--output /proc/out\.csv.*cannot be written"):
            write_predictions(predictor, source, "/proc/out.csv")

    def test_a_device_is_written_to(self, predictor, source):
        assert write_predictions(predictor, source, os.devnull).rows == 1

    def test_an_interruption_leaves_what_was_done_under_another_name(self, predictor, tmp_path):
        rows = "".join(f"good {n},{n}\n" for n in range(5000))
        (tmp_path / "in.csv").write_text(f'text,id\n{rows}"stray,x\na,y\nb,z\nc,z\nd,z\ne,z\nf,z\n')
        with pytest.raises(UnreadableFile) as caught:
            write_predictions(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
        assert not (tmp_path / "out.csv").exists()
        partial = (tmp_path / "out.csv.partial").read_text().splitlines()
        assert len(partial) == 1 + 4096
        assert "The 4096 rows that were done are in" in caught.value.__notes__[0]

    def test_a_failure_before_the_first_row_leaves_nothing(self, predictor, tmp_path):
        (tmp_path / "in.csv").write_text("a,b\n1,2\n3,4\n")
        with pytest.raises(MissingColumn):
            write_predictions(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
        assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


class TestColumnsOfTheTraining:
    @staticmethod
    def run_of(folder, *, text: str, pair: str | None = None, num_columns: int = 2) -> Predictor:
        write_classifier(folder)
        (folder / "run.toml").write_text(MARK + Config().to_toml())
        columns = {"text": text, "pair": pair, "label": "label", "number": num_columns}
        (folder / "results.json").write_text(json.dumps({"data": {"columns": columns}}))
        return Predictor.load(folder, device="cpu", threads=1)

    def test_the_trained_column_is_read_where_others_could_be_the_text(self, tmp_path):
        predictor = self.run_of(tmp_path, text="blurb")
        [row] = predicted(predictor, "text,blurb,id\ngood,bad,1\n")
        assert row["label"] == predictor.predict("bad")[0].label
        assert float(row["probability"]) == pytest.approx(predictor.predict("bad")[0].probability, abs=2e-6)

    def test_the_named_column_wins_over_the_trained_one(self, tmp_path):
        predictor = self.run_of(tmp_path, text="blurb")
        options = PredictionOptions(read=ReadOptions(text_column="text"))
        [row] = predicted(predictor, "text,blurb,id\ngood,bad,1\n", options=options)
        assert float(row["probability"]) == pytest.approx(predictor.predict("good")[0].probability, abs=2e-6)

    def test_a_model_of_pairs_reads_both_columns(self, tmp_path):
        predictor = self.run_of(tmp_path, text="first", pair="second")
        rows = predicted(predictor, "second,first,id\nbad,good,1\n,good,2\n")
        [answer] = predictor.predict("good", "bad")
        assert float(rows[0]["probability"]) == pytest.approx(answer.probability, abs=2e-6)
        assert rows[1]["error"] == "line 3: the second text is empty"

    def test_single_texts_for_a_model_of_pairs_are_refused(self, tmp_path):
        predictor = self.run_of(tmp_path, text="first", pair="second")
        with pytest.raises(DataError, match="trained on pairs of texts"):
            predicted(predictor, "text,id\ngood,1\n")

    def test_pairs_for_a_model_of_single_texts_are_refused(self, tmp_path):
        predictor = self.run_of(tmp_path, text="text")
        with pytest.raises(
            DataError,
            match=r"^<memory>: the columns 'premise' and 'hypothesis' were read as a pair of texts, "
            r".* trained on single texts\. Name the one text: --text-column 'premise'\.$",
        ):
            predicted(predictor, "premise,hypothesis\ngood day,bad day\n")

    def test_a_pair_that_the_user_named_is_to_be_left_out(self, tmp_path):
        predictor = self.run_of(tmp_path, text="text")
        options = PredictionOptions(read=ReadOptions(text_column="text", pair_column="other"))
        with pytest.raises(DataError, match=r"'text' and 'other' .* Leave out --pair-column\.$"):
            predicted(predictor, "text,other\ngood day,bad day\n", options=options)

    def test_a_numbered_column_of_another_table_is_not_taken(self, tmp_path):
        predictor = self.run_of(tmp_path, text="1", num_columns=2)
        content = "".join(f"{n},r{n},it was a {word} day\n" for n, word in enumerate(("good", "bad", "fine")))
        options = PredictionOptions(read=ReadOptions(no_header=True))
        output = io.BytesIO()
        summary = write_predictions(predictor, io.BytesIO(content.encode()), output, options=options)
        assert summary.notes[-1] == "The text is column '3'."

    def test_a_numbered_column_of_a_table_as_wide_as_the_training_file_is_taken(self, tmp_path):
        predictor = self.run_of(tmp_path, text="1", num_columns=2)
        options = PredictionOptions(read=ReadOptions(no_header=True))
        content = b"good,this was really a good day\nbad,and that was not\n"
        summary = write_predictions(predictor, io.BytesIO(content), io.BytesIO(), options=options)
        assert summary.notes[-1] == "The text is column '1'."


def test_the_reader_is_never_two_chunks_ahead_of_what_was_taken(predictor):
    num_read = 0

    def rows() -> Iterator[Row]:
        nonlocal num_read
        for number in range(5000):
            num_read += 1
            yield Row((f"good {number}",), number + 1)

    _, read = read_rows(Table("<memory>", ("text",), rows()), ReadOptions())
    for num_taken, row in enumerate(predict_rows(predictor, read, chunk_rows=100), start=1):
        assert row.row.line == num_taken
        assert num_read <= max(1000, num_taken + 200)  # the reader judges the columns by 1,000 rows


def test_twenty_thousand_rows_need_no_more_memory_than_six_thousand(predictor, tmp_path):
    peaks = [_peak_bytes(predictor, tmp_path, num_rows=num_rows) for num_rows in (6_000, 20_000)]
    assert peaks[1] < 1.1 * peaks[0]


def _peak_bytes(predictor: Predictor, folder, *, num_rows: int) -> int:
    """Most bytes of Python objects while a file of so many rows is predicted."""
    source = folder / f"{num_rows}.csv"
    filling = "x" * 240  # both files are larger than the megabyte that the reader takes at once
    source.write_text("text,id\n" + "".join(f"good {n},{n}{filling}\n" for n in range(num_rows)))
    tracemalloc.start()
    try:
        options = PredictionOptions(chunk_rows=512)
        summary = write_predictions(predictor, source, folder / f"{num_rows}.out.csv", options=options)
        assert summary.predicted == num_rows
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_book_ends_its_chunk_early(predictor, monkeypatch):
    monkeypatch.setattr("bertsmith.inference.row_stream.CHUNK_CHARACTERS", 1000)
    source = io.BytesIO(b"text,id\n" + b"".join(b"%s,%d\n" % (b"good " * 150, n) for n in range(5)))
    table = open_table(source, ReadOptions())
    _, rows = read_rows(table, ReadOptions())
    counts: list[int] = []
    for _ in predict_rows(predictor, rows, on_rows=counts.append):
        pass
    assert [count for count in counts if count] == [2, 2, 1]


def test_what_json_rows_hold_beside_their_columns_ends_a_chunk_too(predictor, monkeypatch):
    monkeypatch.setattr("bertsmith.inference.row_stream.CHUNK_CHARACTERS", 1000)
    source = io.BytesIO(b"".join(b'{"text": "good", "n": [%s1]}\n' % (b"1, " * 250) for _ in range(5)))
    _, rows = read_rows(open_table(source, ReadOptions()), ReadOptions())
    counts: list[int] = []
    for _ in predict_rows(predictor, rows, on_rows=counts.append):
        pass
    assert [count for count in counts if count] == [2, 2, 1]
