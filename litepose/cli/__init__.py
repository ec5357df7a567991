"""The command line: ``litepose predict`` and ``litepose evaluate``."""
