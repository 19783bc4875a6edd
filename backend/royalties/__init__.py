"""What each resale paid to whom: read from the market's logs, posted to the books when final, told per period."""
