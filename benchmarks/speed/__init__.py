"""How fast it is, beside the Hugging Face Trainer and beside what the machine can do at all: `make bench-speed`."""
