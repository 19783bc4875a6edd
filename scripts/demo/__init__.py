"""The main job played before one's eyes by clients: HTTP, JSON-RPC, private keys. Imports nothing of the backend."""
