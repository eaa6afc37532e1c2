"""`python -m newsletter.child serve`: one process of `newsletter up`, which ends when `up` does, for any reason."""

from newsletter.cli import main
from newsletter.system import lifeline

if __name__ == "__main__":
    lifeline.stop_with_holder()
    main()
