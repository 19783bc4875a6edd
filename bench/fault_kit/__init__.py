"""The fault campaign's parts: a house that is killed at named steps, buyers who go on buying, and the reckoning after.

Nothing of this is imported by the product. Our own programs are started by `launch`, which lays a detour around the
functions that `steps` names and then runs the real program.
"""
