"""Double-entry books, append-only: what was posted is never changed, only answered by another journal."""
