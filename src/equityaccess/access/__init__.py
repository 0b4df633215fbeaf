"""Who may call, and for which LEAs: API keys."""
