"""The door for ``mutoscope`` and ``python -m mutoscope``."""

import sys


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2."""
    from mutoscope.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
