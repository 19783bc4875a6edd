"""What promoters offer: venues, events, and tiers with the one count of what is held and paid."""
