from __future__ import annotations

from bertsmith.inference.output_columns import output_columns


def test_the_new_columns_stand_after_the_given_ones():
    columns = output_columns(["id", "text"], ["no", "yes"])
    assert columns.all == ("id", "text", "label", "probability", "probability_no", "probability_yes", "error")


def test_a_labelled_file_keeps_its_label_and_the_new_columns_are_called_predicted():
    columns = output_columns(["text", "label"], ["no", "yes"])
    assert columns.all[:2] == ("text", "label")
    assert columns.appended == (
        "predicted_label",
        "predicted_probability",
        "predicted_probability_no",
        "predicted_probability_yes",
        "predicted_error",
    )


def test_a_clash_with_the_column_of_one_label_renames_all():
    assert output_columns(["text", "probability_yes"], ["no", "yes"]).error == "predicted_error"


def test_predicting_on_predictions_again_numbers_the_prefix():
    once = output_columns(["text", "label"], ["no", "yes"])
    assert output_columns(once.all, ["no", "yes"]).label == "predicted_2_label"


def test_repeated_input_columns_are_told_apart_where_names_must_be_unique():
    columns = output_columns(["a", "a", "a_2", "a"], ["no", "yes"])
    assert columns.unique[:4] == ("a", "a_3", "a_2", "a_4")
    assert len(set(columns.unique)) == len(columns.all)
