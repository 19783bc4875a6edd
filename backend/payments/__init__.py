"""Taking money and giving it back, through providers behind one port.

A payment is believed only when the provider, asked by us, says so. Webhooks are stored, acknowledged, then settled by
a task that fetches the object again; what never arrives is found by sweepers.
"""
