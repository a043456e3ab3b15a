"""Engines that run a question over logs."""
