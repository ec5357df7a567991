"""``python -m litepose``: the command line without an installed script."""

from litepose.cli.main import main

if __name__ == "__main__":
    main()
