"""From bytes to batches of lines and records."""
