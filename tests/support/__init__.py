"""Helpers that tests share: sandboxes, people with chosen permissions, log lines,
hand-made states.
"""
