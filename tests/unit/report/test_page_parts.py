"""What the page is made of: figures that a strict page may hold, JSON for scripts, texts, commands."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from bertsmith.config import Config
from bertsmith.report.charts import Dot, answer_chart, smoothed, thinned
from bertsmith.report.html_pages import breakable, script_json
from bertsmith.report.page_data import command
from bertsmith.report.page_text import MOST_CHARACTERS, shown_text, without_paths

DOTS = (Dot("this <model>", 0.8, 0.7, 0.9, is_ours=True), Dot("$x_1$", 0.5, 0.4, 0.6))


def test_a_figure_has_the_same_bytes_each_time() -> None:
    assert answer_chart(DOTS, score_name="accuracy") == answer_chart(DOTS, score_name="accuracy")


def test_a_figure_has_no_style_and_a_title() -> None:
    root = ElementTree.fromstring(str(answer_chart(DOTS, score_name="accuracy")))
    assert [
        element.tag for element in root.iter() if "style" in element.attrib or element.tag.endswith("}style")
    ] == []
    assert "this <model> 0.800 (0.700 to 0.900)" in (root[0].text or "")


def test_a_name_in_a_figure_is_text_and_no_formula() -> None:
    root = ElementTree.fromstring(str(answer_chart(DOTS, score_name="accuracy")))
    texts = {"".join(element.itertext()) for element in root.iter() if element.tag.endswith("}text")}
    assert {"this <model>", "$x_1$"} <= texts


def test_json_for_a_script_ends_no_element_and_stays_the_same() -> None:
    value = ["</script><!--", "&amp;", "\u2028"]
    text = str(script_json(value))
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


def test_a_label_breaks_after_its_signs_and_is_escaped() -> None:
    assert breakable("top_up<b>") == "top_<wbr>up&lt;b&gt;"


def test_a_long_text_is_folded_and_cut() -> None:
    text = shown_text("x" * 10_000)
    assert text.whole is not None
    assert (len(text.whole), text.num_characters) == (MOST_CHARACTERS + 1, 10_000)


def test_a_thinned_line_keeps_its_last_step_and_its_mean() -> None:
    points = [(step, float(step)) for step in range(1, 1001)]
    thin = thinned(points, most=100)
    assert (len(thin), thin[-1][0]) == (100, 1000)
    assert sum(value for _, value in thin) / 100 == 500.5


def test_a_smoothed_constant_is_the_constant() -> None:
    assert {value for _, value in smoothed([(step, 0.5) for step in range(100)])} == {0.5}


def test_the_command_names_what_is_not_the_default_and_no_folder() -> None:
    config = Config.from_flat(
        {"train_file": "/home/me/a b.csv", "model": "/home/me/tiny", "epochs": 2, "ignore": ["D029"]}
    )
    assert command(config) == "bertsmith train 'a b.csv' --ignore D029 --model tiny --epochs 2"


def test_sentences_lose_their_folders() -> None:
    config = Config.from_flat({"train_file": "/home/me/rows.csv"})
    assert without_paths("/home/me/rows.csv: 2 rows", config) == "rows.csv: 2 rows"
