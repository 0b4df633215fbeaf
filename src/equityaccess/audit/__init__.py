"""Who did what, when and from where: an append-only log whose every change after the fact is found."""
