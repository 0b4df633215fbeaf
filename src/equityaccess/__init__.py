"""equityaccess: how far a county is from 100 %, and which agency needs a hand next."""

__version__ = "0.1.0"
