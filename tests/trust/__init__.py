"""Promises of the service, each with a harness that prints its figure: `make trust`."""
