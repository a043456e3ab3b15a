"""The rules of plans, a module for each subject."""
