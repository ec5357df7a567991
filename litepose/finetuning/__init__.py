"""Training on from trained or released weights, on one's own annotated photographs."""
