"""When: reads ``jobs/schedule.toml``, runs each slot once whatever happens, and catches up on what was missed."""
