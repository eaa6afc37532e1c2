"""`python -m newsletter.part serve`: a part of `newsletter up`, which leaves when `up` is gone, however it went."""

from newsletter import leash
from newsletter.cli import main

if __name__ == "__main__":
    leash.follow()
    main()
