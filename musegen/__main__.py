"""`python -m musegen` is the `musegen` command."""

import sys

from musegen.cli import main

if __name__ == "__main__":
    sys.exit(main())
