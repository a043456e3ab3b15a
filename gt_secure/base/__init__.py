"""Words, errors, addresses, tables and files: what every part needs, and needs nothing itself."""
