"""The chain's door onto the house: follows a chain, stores its logs as facts, hands them to who asked for them."""
