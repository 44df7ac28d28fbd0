"""What survives kills, damage, full disks and strangers: figures for docs/reliability.md."""
