"""How the service itself is doing, and what it says about itself: health, metrics, contract, documentation."""
