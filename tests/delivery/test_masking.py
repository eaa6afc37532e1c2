import pytest

from newsletter.addresses.masking import mask_address, mask_in_text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ada@reader.example", "a…@reader.example"),
        ("zoë@bücher.example", "z…@bücher.example"),
        ('"a@b"@reader.example', '"…@reader.example'),
        ("not an address", "n…"),
        ("@reader.example", "r…@"),
        ("", ""),
    ],
)
def test_of_an_address_only_the_first_character_and_the_domain_are_shown(address: str, shown: str) -> None:
    assert mask_address(address) == shown


def test_a_reply_that_repeats_the_address_gives_it_away_no_more() -> None:
    reply = "450 4.2.0 <ADA@reader.example>: try later, ada@reader.example"
    assert mask_in_text("ada@Reader.example", reply) == "450 4.2.0 <a…@Reader.example>: try later, a…@Reader.example"
    assert mask_in_text("", "250 2.0.0 Taken") == "250 2.0.0 Taken"
