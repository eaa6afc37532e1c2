"""Nothing on a page moves while its pictures and typefaces come (Core Web Vitals: cumulative layout shift)."""

import re

import pytest
from playwright.sync_api import Browser

from tests import sample_services

MOST = 0.02
PUBLISHED = f"/archive/{sample_services.OUT[0]}/"
PAINTED = """() => new Promise(done => new PerformanceObserver(list => {
    if (list.getEntriesByName('first-contentful-paint').length) done();
}).observe({ type: 'paint', buffered: true }))"""
MOVED = """async () => {
    let moved = 0;
    const add = entries => entries.forEach(entry => { moved += entry.value; });
    const observer = new PerformanceObserver(list => add(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    await document.fonts.ready;
    await Promise.all([...document.images].filter(image => image.loading !== 'lazy').map(image => image.decode()));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    add(observer.takeRecords());
    return moved;
}"""


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("path", ["/", "/archive/", PUBLISHED])
def test_nothing_moves_while_pictures_and_typefaces_come(chrome: Browser, site: str, path: str, width: int) -> None:
    with chrome.new_context(viewport={"width": width, "height": 800}, base_url=site) as context:
        page, held = context.new_page(), []
        # They wait until the page is painted without them, as on a slow line.
        page.route(re.compile(r"\.woff2|/pictures/"), lambda route: held.append(route))  # noqa: PLW0108  (its signature is read)
        page.goto(path, wait_until="domcontentloaded")
        page.evaluate(PAINTED)
        page.route(re.compile(r"\.woff2|/pictures/"), lambda route: route.continue_())
        for route in held:
            route.continue_()
        assert page.evaluate(MOVED) <= MOST
