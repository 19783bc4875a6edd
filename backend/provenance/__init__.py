"""Who holds each ticket of a collection, and how each came to be where it is. Reads the index, writes nothing."""
