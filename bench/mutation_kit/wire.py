"""What both sides of the socket call it: the plugin itself cannot be imported without Ape."""

PLUGIN = "bench.mutation_kit.ape_plugin"
SOCKET = "BACKSTAGE_SUITE_SOCKET"

NODE_OUTPUT = "BACKSTAGE_NODE_OUTPUT"
"""Names the file that a node's output goes to, when somebody wants to read it."""

PRINTER = "0x000000000000000000636f6e736f6c652e6c6f67"
"""Calls to this address are printed by the node: Solidity's console."""
