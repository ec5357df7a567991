"""What the stages that measure latency share."""
