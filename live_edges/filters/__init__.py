"""What is computed, as data and as mathematics: no device, no thread, no window."""
