"""Log objects: listing, fetching, caching."""
