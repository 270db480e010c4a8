"""The door for ``mutoscope`` and ``python -m mutoscope``."""

import sys


def main() -> None:
    """Run the command line; an error of ours is one line and exit code 2."""
    from mutoscope import report
    from mutoscope.cli import run

    with report.reporting():
        code = 1  # of a fault, which keeps its traceback
        try:
            code = run(sys.argv[1:])
        finally:
            report.tell(exit=code)
    sys.exit(code)


if __name__ == "__main__":
    main()
