"""EVM networks over JSON-RPC: the only place that imports web3 and eth-account."""
