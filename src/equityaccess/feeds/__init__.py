"""The pushes about each LEA as a feed: how often they come, and which have gone silent."""
