"""Tools with no business word in them. Imports nothing of ours."""
