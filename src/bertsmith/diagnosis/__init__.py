"""History, Evaluation and Dataset to a Verdict. Read in order: verdict, baselines."""
