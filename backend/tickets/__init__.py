"""Collections, mint jobs and batches, claim codes, transfers, and who holds which ticket."""
