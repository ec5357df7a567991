"""Runtimes that execute a network, behind one interface, and the devices that they run on."""
