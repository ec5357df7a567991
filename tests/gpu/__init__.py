"""One command that checks and measures everything on a GPU; dry on a processor."""
