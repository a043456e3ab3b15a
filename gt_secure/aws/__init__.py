"""AWS as gt_secure calls it: clients, errors, ARNs, workteams, buckets and VPC endpoints."""
