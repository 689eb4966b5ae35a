"""Inkstone: one word decides what runs; none opens the window. `app/cli.py` knows the words."""

import sys

from app.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
