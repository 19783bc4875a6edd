"""Who you are and what you may do: wallets, sessions, organisations, role grants."""
