"""``python -m crossfoot`` is ``crossfoot``."""

from crossfoot.cli import main

if __name__ == "__main__":
    main()
