"""What happens when things break: every case prints one line, and the figures go to docs/reliability.md."""
