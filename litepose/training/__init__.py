"""Losses, the training loop, its schedule and its checkpoints."""
