"""What a ticket costs on chain, ours and other people's, measured in one run on one node."""
