"""Benchmarks: ratios of the product's own paths to the plainest thing PostgreSQL or the server can do, side by side."""
