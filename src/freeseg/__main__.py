"""`python -m freeseg`: the command line."""

from freeseg.cli import main

if __name__ == "__main__":
    main()
