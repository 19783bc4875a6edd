"""The index proves itself: a Merkle root over every ticket at final blocks, compared with the contracts."""
