"""Latency of networks on a device: the measurement protocol."""
