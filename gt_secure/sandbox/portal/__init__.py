"""The worker portal: pages, credentials, and a client that acts as a worker."""
