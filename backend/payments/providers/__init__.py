"""One file a way to pay; each speaks its provider's words and translates them to `port`."""
