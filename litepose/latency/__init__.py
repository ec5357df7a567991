"""Latency of networks on a device: runtimes and the measurement protocol."""
