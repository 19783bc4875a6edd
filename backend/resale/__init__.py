"""Selling tickets on: listings, offers and buy-backs, settled by the market on chain; a fan's key is never ours."""
