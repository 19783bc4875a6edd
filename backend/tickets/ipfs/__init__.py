"""Where metadata directories are kept, addressed by their content."""
