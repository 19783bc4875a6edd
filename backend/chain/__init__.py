"""What this house needs of a blockchain: read it, send to it exactly once, follow its logs. Nothing of tickets."""
