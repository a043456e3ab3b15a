"""Resources and images that a fresh sandbox starts with."""
