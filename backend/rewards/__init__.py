"""BKS for a purchase: once, when its tickets are final; a refund makes it a debt."""
