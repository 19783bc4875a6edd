"""Parts of bench/mint: the house under load, and the two scripts it is held against."""
