"""Run the trainer as a module: ``python -m live_edges.training``."""

import argparse
import sys
from collections.abc import Sequence

from live_edges.errors import LiveEdgesError
from live_edges.platforms import prepare_libraries
from live_edges.training.cli import add_arguments, run


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the flags and train; a user's mistake is one line and exit code 1."""
    prepare_libraries()
    parser = argparse.ArgumentParser(
        prog="live-edges train", description="Learn edge kernels that live-edges then runs."
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except LiveEdgesError as error:
        print(f"live-edges: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
