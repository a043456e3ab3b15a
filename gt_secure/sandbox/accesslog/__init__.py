"""Server access logs of the sandbox: which rows there are, what they look like,
and how they are delivered.
"""
