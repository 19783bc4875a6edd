"""Rows with good defaults: a test states only what matters to it."""
