"""Readers in several provider groups, and what a claim got of them."""

from collections import Counter

from newsletter.addresses.provider_groups import ProviderGroups, Quota
from newsletter.delivery.rate_limit.claim_limiter import Batch
from newsletter.delivery.rate_limit.limits import Limits


def gmail(count: int, start: int = 0) -> list[str]:
    return [f"g{number}@gmail.com" for number in range(start, start + count)]


def others(count: int) -> list[str]:
    return [f"o{number}@reader{number}.example" for number in range(count)]


def limited_groups(**quotas: Quota) -> Limits:
    return Limits(groups=ProviderGroups(quotas))


def addresses(batch: Batch) -> list[str]:
    return sorted(copy.address for copy in batch.copies)


def by_group(batch: Batch) -> dict[str, int]:
    return dict(Counter(ProviderGroups().of_address(copy.address) for copy in batch.copies))
