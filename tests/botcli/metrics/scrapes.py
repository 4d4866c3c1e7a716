"""What Prometheus gets of a bot."""

import aiohttp
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families


async def scrape(url: str, accept: str = "text/plain") -> str:
    """What Prometheus gets."""
    async with aiohttp.ClientSession() as client, client.get(url, headers={"Accept": accept}) as response:
        assert response.status == 200
        return await response.text()


async def families(url: str) -> list[Metric]:
    """The same, read."""
    return list(text_string_to_metric_families(await scrape(url)))


async def value(url: str, name: str, **labels: str) -> float | None:
    """The value of a sample; None where there is none."""
    samples = [each for family in await families(url) for each in family.samples if each.name == name]
    return next((each.value for each in samples if each.labels.items() >= labels.items()), None)


async def outcomes(url: str) -> dict[str, float]:
    """How many attempts at updates had which outcome; none for which there are none."""
    samples = [each for family in await families(url) for each in family.samples]
    counted = {s.labels["outcome"]: s.value for s in samples if s.name == "botcli_update_attempts_total"}
    return {outcome: number for outcome, number in counted.items() if number}
