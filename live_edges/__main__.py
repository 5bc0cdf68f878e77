"""`python -m live_edges` is the same as `live-edges`."""

import sys

from live_edges.cli import main

if __name__ == "__main__":
    sys.exit(main())
