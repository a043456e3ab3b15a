"""Many buckets, accounts and regions at once: the audit and the sweep."""
