"""`python -m musegen` is the `musegen` command."""

from musegen.cli import command

if __name__ == "__main__":
    command()
