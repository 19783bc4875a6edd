"""The tickets of the collection `ruled`, whose market is a plain account."""

from world import token

DAY = 86_400
ANNAS, BENS, WITHOUT_TERMS, ESCROWED, PROMOTERS = (token(1, index) for index in range(5))
"""Anna's of tier 1, Ben's of tier 2, Anna's of tier 9 (without terms), one in escrow, the promoter's."""
