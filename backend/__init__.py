"""The business: one package a capability; see docs/glossary.md for its words."""
