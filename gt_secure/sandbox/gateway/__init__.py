"""The HTTP front of the sandbox: authentication, conditions, denial messages."""
