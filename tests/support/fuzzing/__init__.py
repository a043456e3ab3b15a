"""Fuzz targets of what reads bytes from outside, and the seeds and mutations they start from."""
