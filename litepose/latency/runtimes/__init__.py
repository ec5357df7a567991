"""Runtimes that execute a network for timing, behind one interface."""
