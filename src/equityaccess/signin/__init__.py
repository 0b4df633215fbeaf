"""Who has signed in with a browser: sessions, one-time links, and what keeps other sites from using either."""
