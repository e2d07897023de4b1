"""The pages as a site: built strictly, every link leads somewhere, nothing is fetched, and a browser shows it well."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LOADED = {"src", "srcset", "poster", "data"}  # attributes whose address a browser follows by itself
KEPT = ("stylesheet", "icon", "preload", "prefetch", "preconnect", "modulepreload", "manifest")  # of <link>
URL = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "markdown", "source": ["# One\n", "\n", "See [the model](../../cfg/a.yaml)."]},
        {
            "cell_type": "code",
            "source": ["x = y[0](1)"],
            "outputs": [
                {"output_type": "stream", "name": "stdout", "text": ["\x1b[31mred\x1b[0m <b>\n"]},
                {
                    "output_type": "display_data",
                    "data": {"image/png": "iVBORw0KGgo=", "text/plain": ["<Figure>"]},
                },
                {"output_type": "display_data", "data": {"image/jpeg": "/9j/4A=="}},
                {"output_type": "execute_result", "data": {"text/html": ["<i>"], "text/plain": ["42"]}},
            ],
        },
    ],
}


def build(folder: Path, to: Path) -> subprocess.CompletedProcess:
    """Run mkdocs as `make docs` does."""
    pytest.importorskip("material", reason="needs mkdocs-material: pip install 'yolotiny[docs]'")
    pytest.importorskip("mkdocstrings", reason="needs mkdocstrings: pip install 'yolotiny[docs]'")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(to)]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=300)


class Seen(HTMLParser):
    """What a page says: ids, addresses that its reader may follow, and addresses that a browser fetches unasked."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)
        self.fetched += [a or b for a, b in URL.findall("".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.S)))]

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids |= {named[key] for key in ("id", "name") if named.get(key)}
        self.fetched += [value for key, value in attrs if key in LOADED and value]
        self.fetched += [a or b for a, b in URL.findall(named.get("style") or "")]
        if tag == "link" and any(word in (named.get("rel") or "") for word in KEPT):
            self.fetched.append(named["href"])
        elif tag in ("a", "area") and named.get("href"):
            self.links.append(named["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The whole site, built."""
    to = tmp_path_factory.mktemp("site")
    made = build(ROOT, to)
    assert made.returncode == 0, made.stderr[-4000:]
    return to


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, Seen]:
    """All pages but that of the error, whose addresses are those of a server."""
    return {file: Seen(file.read_text(encoding="utf-8")) for file in site.rglob("*.html") if file.name != "404.html"}


def lead(address: str, page: Path, pages: dict[Path, Seen]) -> str:
    """What is wrong with an address inside the site; empty for nothing."""
    parts = urlsplit(address)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return f"{page.name}: {address} is not there"
    known = pages.get(target)
    if parts.fragment and known and unquote(parts.fragment) not in known.ids:
        return f"{page.name}: {address} has no such anchor"
    return ""


def outside(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


def test_the_house_is_drawn_by_the_rules_of_today():
    from docs.house import PICTURE, house

    assert PICTURE.read_text(encoding="utf-8") == house(), "run python -m docs.house"


def test_the_page_of_yaml_keys_is_what_the_code_reads_today():
    from docs.yaml_page import PAGE, page

    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m docs.yaml_page"


def test_names_that_the_page_of_python_shows_are_there():
    """mkdocstrings reads the source; this imports it."""
    import pkgutil

    names = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.M)
    assert len(names) > 30 and all(pkgutil.resolve_name(name) for name in names)


@pytest.mark.long
def test_no_page_loads_anything_from_elsewhere(site, pages):
    fetched = {(page, address) for page, seen in pages.items() for address in seen.fetched}
    for css in site.rglob("*.css"):
        fetched |= {(css, a or b) for a, b in URL.findall(css.read_text(encoding="utf-8"))}
    fetched = {(page, address) for page, address in fetched if not address.startswith("data:")}
    assert len(pages) > 40 and len(fetched) > 200
    assert [address for _, address in fetched if outside(address) or address.startswith("/")] == []
    assert [wrong for page, address in fetched if (wrong := lead(address, page, pages))] == []


@pytest.mark.long
def test_every_link_and_anchor_leads_somewhere(pages):
    inside = [(page, address) for page, seen in pages.items() for address in seen.links if not outside(address)]
    assert len(inside) > 2000
    assert [wrong for page, address in inside if (wrong := lead(address, page, pages))] == []


@pytest.fixture
def browser(chrome, site):
    """Chromium; what it did is checked when the test is over."""
    chrome.get("about:blank")
    for log in ("browser", "performance"):  # what its own start page did
        chrome.get_log(log)
    yield chrome
    assert chrome.get_log("browser") == []
    events = [json.loads(row["message"])["message"] for row in chrome.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert asked and {urlsplit(url).scheme for url in asked} <= {"file", "data", "about", "blob"}
    chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def show(browser, page: Path, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(page.as_uri())


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_screen(browser, site, pages, width):
    wide = []
    for page in pages:
        show(browser, page, width)
        if browser.execute_script("return document.documentElement.scrollWidth") > width:
            wide.append(page.relative_to(site).as_posix())
    assert wide == []


@pytest.mark.long
def test_search_finds_without_a_server(browser, site):
    from selenium.webdriver.support.ui import WebDriverWait

    show(browser, site / "index.html", 1280)
    browser.find_element("css selector", ".md-search__input").send_keys("SARL")
    found = "return [...document.querySelectorAll('.md-search-result__link')].map(a => a.getAttribute('href'))"
    links = WebDriverWait(browser, 30).until(lambda b: b.execute_script(found))
    assert any("modules.html" in link for link in links) and any("sarl-sal.html" in link for link in links)


@pytest.mark.long
def test_navigation_opens_on_a_phone(browser, site):
    from selenium.webdriver.support.ui import WebDriverWait

    show(browser, site / "index.html", 390)
    drawer = browser.find_element("css selector", ".md-sidebar--primary")
    assert drawer.rect["x"] + drawer.rect["width"] <= 0
    browser.find_element("css selector", "label.md-header__button[for=__drawer]").click()
    WebDriverWait(browser, 10).until(lambda _: drawer.rect["x"] == 0)
    assert "Guides" in drawer.text


@pytest.mark.long
def test_dark_and_light_are_for_the_reader_to_choose(browser, site):
    show(browser, site / "house.html", 1280)
    backgrounds = []
    for _ in range(2):
        backgrounds.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
        browser.find_element("css selector", "[data-md-component=palette] label:not([hidden])").click()
    assert backgrounds[0] != backgrounds[1]


@pytest.fixture
def little(tmp_path) -> Path:
    """A repository with one page, one notebook and the hooks."""
    config = {
        "site_name": "little",
        "hooks": [str(ROOT / "docs" / "hooks.py")],
        "use_directory_urls": False,
        "plugins": [],
        "markdown_extensions": ["tables", {"pymdownx.highlight": {"use_pygments": False}}, "pymdownx.superfences"],
    }
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text("# Read [the page](docs/index.md#more)\n")
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / "a.yaml").write_text("nc: 3 # `quoted` <b>\n")
    (tmp_path / "docs" / "notebooks").mkdir(parents=True)
    (tmp_path / "docs" / "notebooks" / "one.ipynb").write_text(json.dumps(NOTEBOOK))
    text = "# Page\n\n[model](../cfg/a.yaml) [how](../CONTRIBUTING.md) [one](notebooks/one.ipynb) `[x](y.md)`\n"
    (tmp_path / "docs" / "index.md").write_text(f"{text}\n```python\nx = y[0](z.md)\n```\n\n## More\n")
    return tmp_path


@pytest.mark.slow
def test_links_into_the_repository_lead_to_pages_of_their_targets(little):
    made = build(little, little / "out")
    assert made.returncode == 0, made.stderr
    links = Seen((little / "out" / "index.html").read_text()).links
    assert {"files/cfg/a.yaml.html", "files/CONTRIBUTING.html", "notebooks/one.html"} <= set(links)
    assert "nc: 3 # `quoted` &lt;b&gt;" in (little / "out" / "files" / "cfg" / "a.yaml.html").read_text()
    assert "../index.html#more" in Seen((little / "out" / "files" / "CONTRIBUTING.html").read_text()).links
    assert not [link for link in links if "y.md" in link or "z.md" in link]  # code is no link


@pytest.mark.slow
def test_a_notebook_is_a_page_with_the_outputs_that_are_stored_in_it(little):
    assert build(little, little / "out").returncode == 0
    text = (little / "out" / "notebooks" / "one.html").read_text()
    assert "x = y[0](1)" in text and "red &lt;b&gt;" in text and "\x1b" not in text and "42" in text
    assert (little / "out" / "notebooks" / "one-1-1.png").read_bytes().startswith(b"\x89PNG")
    assert {"one-1-1.png", "one-1-2.jpeg"} <= set(Seen(text).fetched) and "../files/cfg/a.yaml.html" in Seen(text).links


@pytest.mark.slow
def test_what_belongs_to_an_item_of_a_list_stays_in_it(little):
    """As GitHub shows it: a table, code and another list, two spaces in."""
    parts = [
        "- one\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n\n  after",
        "- two\n  - deep",
        "- three\n\n  ```yaml\n  - x\n  ```",
    ]
    text = "\n".join(parts) + "\n\nend\n\n```yaml\n- a:\n  - b\n```\n"
    with (little / "docs" / "index.md").open("a") as file:
        file.write(f"\nbegin\n\n{text}")
    assert build(little, little / "out").returncode == 0
    page = (little / "out" / "index.html").read_text()
    items = page[page.index("<p>begin</p>") : page.index("<p>end</p>")]
    assert items.count("<li>") == 4 and items.count("<table>") == 1 and "<p>after</p>" in items
    assert '<code class="language-yaml">- x' in items and "- a:\n  - b<" in page


@pytest.mark.slow
@pytest.mark.parametrize("link", ["../cfg/b.yaml", "nowhere.md", "../CONTRIBUTING.md#nowhere"])
def test_a_link_to_nothing_stops_the_build_and_is_named(little, link):
    config = yaml.safe_load((little / "mkdocs.yml").read_text())
    config["validation"] = {"links": {"anchors": "warn"}}
    (little / "mkdocs.yml").write_text(yaml.safe_dump(config))
    with (little / "docs" / "index.md").open("a") as file:
        file.write(f"\n[broken]({link})\n")
    made = build(little, little / "out")
    assert made.returncode != 0 and link.split("/")[-1].split(".")[0] in made.stderr
