from datetime import UTC, datetime
from zoneinfo import available_timezones

from newsletter.i18n import time_zones

WINTER = datetime(2026, 12, 1, tzinfo=UTC)


def test_zones_are_listed_by_continent_and_city_in_the_readers_language() -> None:
    english, polish = time_zones.zones_by_region("en"), time_zones.zones_by_region("pl")
    assert list(english) == ["Africa", "Americas", "Antarctica", "Asia", "Europe", "Oceania"]
    assert ("Europe/Warsaw", "Warsaw") in english["Europe"]
    assert ("Europe/Warsaw", "Warszawa") in polish["Europa"]
    assert ("Indian/Maldives", "Maldives") in english["Asia"]
    cities = [city for _, city in polish["Azja"]]
    assert cities.index("Singapur") < cities.index("Szanghaj") < cities.index("Taszkient")


def test_each_zone_is_listed_once_and_every_offset_is_there() -> None:
    names = [name for zones in time_zones.zones_by_region("en").values() for name, _ in zones]
    assert len(names) == len(set(names)) > 400
    assert "Asia/Calcutta" not in names
    listed = {WINTER.astimezone(time_zones.ZoneInfo(name)).utcoffset() for name in names}
    every = {WINTER.astimezone(time_zones.ZoneInfo(name)).utcoffset() for name in available_timezones()}
    # The ocean beyond every coast, of which Etc/GMT+12 is the zone, has no city.
    assert len(every - listed) <= 1


def test_an_offset_is_written_with_its_minutes_if_it_has_any() -> None:
    offsets = [time_zones.utc_offset(WINTER, name) for name in ("Asia/Kathmandu", "Pacific/Pago_Pago", "Europe/London")]
    assert offsets == ["UTC+5:45", "UTC-11", "UTC+0"]
