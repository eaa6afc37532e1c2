import pytest

from newsletter.editorial.source import reading_time


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", 0),
        ("One, two.", 2),
        ("Don’t, and don't.", 3),
        ("## A *very* **short** text", 4),
        ("See [how it works](https://example.org/a/b?c=d){.button}", 4),
        ("![A back](back.png)", 2),
        ("https://example.org/a-long-path", 0),
        ("Hello {{ name | friend }}, {{ email }}", 2),
        ("שלום עולם 🙂", 2),
        ("[" * 5000 + "a", 1),
        ("{{" * 5000 + " b", 1),
    ],
)
def test_what_is_read_is_counted_and_not_where_links_lead(body: str, words: int) -> None:
    assert reading_time.count_words(body) == words


def test_reading_time_is_at_least_a_minute() -> None:
    assert [reading_time.minutes(words) for words in (0, 219, 330, 2200)] == [1, 1, 2, 10]
