"""A compliance framework for Prowler, which finds it by the entry point ``prowler.compliance``."""
