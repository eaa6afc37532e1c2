"""For tests that run on one database in the first tier, and on both in the second."""

import pytest

MOSTLY_SQLITE = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
"""For a file whose statements are tested on both elsewhere."""

MOSTLY_POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"], indirect=True
)
"""PostgreSQL refuses more, and lets two write at once."""
