"""The database's history, written by hand and checked against the models."""
