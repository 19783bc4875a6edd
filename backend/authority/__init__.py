"""Who may do what on our contracts, and what is paused there, as the chain itself says."""
