"""`python -m newsletter.child serve`: a part of `newsletter up`, which leaves when `up` is gone, however it went."""

from newsletter.cli import main
from newsletter.system import lifeline

if __name__ == "__main__":
    lifeline.stop_with_holder()
    main()
