"""What bench/indexer is made of: a chain from a seed, a bare script to be held against, runs, and their checking."""
