"""The door: challenges, proofs, entries and the record of every scan."""
