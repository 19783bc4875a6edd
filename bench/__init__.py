"""Long campaigns and measurements: one command each, which sets itself up and says whether its goals were met."""
