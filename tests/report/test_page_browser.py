"""The page in a real browser: it draws, zooms, moves and hides, says nothing to the console and fetches nothing."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests.report.conftest import ERRORS

pytestmark = pytest.mark.slow


@pytest.fixture
def page(chrome, report):
    """The page, freshly opened; what it did is checked when the test is over."""
    chrome.get("about:blank")
    for log in ("browser", "performance"):  # what its own start page did
        chrome.get_log(log)
    chrome.get((report / "report.html").as_uri())
    assert chrome.execute_script("return scrollY") == 0  # it opens at its top
    chrome.execute_script("document.getElementById('stage').scrollIntoView({block: 'center'})")
    yield chrome
    assert chrome.get_log("browser") == []
    events = [json.loads(row["message"])["message"] for row in chrome.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url[:5] for url in asked} <= {"file:", "data:"}
    assert [url for url in asked if url.startswith("file:")] == [(report / "report.html").as_uri()]


def transform(page) -> tuple[float, float, float]:
    """x, y and scale of the picture."""
    text = page.execute_script("return document.getElementById('scene').getAttribute('transform')")
    return tuple(map(float, re.findall(r"-?[\d.]+(?:e-?\d+)?", text)))


def drawn(page) -> Counter:
    """How many boxes of each kind are drawn and not hidden."""
    groups = "[...document.querySelectorAll('.box-group')].filter(g => g.style.display != 'none')"
    return Counter(page.execute_script(f"return {groups}.map(g => g.dataset.kind)"))


def press(page, *keys):
    stage = page.find_element("id", "stage")
    for key in keys:
        stage.send_keys(key)


def test_tables_and_plots_are_there(page):
    text = page.find_element("tag name", "body").text
    for words in ("Figures per class", "Class and size", "Recall over size", "Errors", "Worst images", "best.pt"):
        assert words in text
    assert "320 px" in text and "car</script><script>alert(1)</script>" in text
    widths = page.execute_script("return [...document.querySelectorAll('figure img')].map(i => i.naturalWidth)")
    assert len(widths) == 4 and min(widths) > 300


def test_every_kind_of_box_is_drawn_once_and_objects_only_on_demand(page):
    first = {k: n for k, n in ERRORS.items() if k != "truth"}
    first |= {"missed": 2, "hit": 2}  # the others are in the second image
    assert drawn(page) == first
    toggle = page.find_element("css selector", "#toggles input[value=truth]")
    toggle.click()
    assert drawn(page)["truth"] == 4


@pytest.mark.parametrize("kind", [k for k in ERRORS if k != "truth"])
def test_a_switch_hides_its_kind_and_only_that(page, kind):
    before = drawn(page)
    switch = page.find_element("css selector", f"#toggles input[value={kind}]")
    switch.click()
    assert drawn(page) == {k: n for k, n in before.items() if k != kind}
    switch.click()
    assert drawn(page) == before


def test_the_wheel_zooms_about_the_pointer(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    at = "const r = document.querySelector('.background .box').getBoundingClientRect(); return [r.x, r.y, r.width]"
    x, y, width = page.execute_script(at)
    origin = ScrollOrigin.from_viewport(round(x), round(y))
    ActionChains(page).scroll_from_origin(origin, 0, -120).perform()
    near_x, near_y, near_width = page.execute_script(at)
    assert near_width > 1.2 * width and transform(page)[2] > 1.2
    assert abs(near_x - x) < 3 and abs(near_y - y) < 3
    ActionChains(page).scroll_from_origin(origin, 0, 1200).perform()
    assert transform(page) == (0, 0, 1)


def test_dragging_moves_the_picture_by_as_much(page):
    from selenium.webdriver.common.action_chains import ActionChains

    stage = page.find_element("id", "stage")
    left = "return document.querySelector('.missed .box').getBoundingClientRect().x"
    before = page.execute_script(left)
    ActionChains(page).move_to_element(stage).click_and_hold().move_by_offset(50, 20).release().perform()
    assert page.execute_script(left) - before == pytest.approx(50, abs=2)
    ActionChains(page).move_by_offset(30, 30).perform()  # the button is up: nothing moves
    assert page.execute_script(left) - before == pytest.approx(50, abs=2)


def test_keys_zoom_move_and_fit(page):
    press(page, "+", "+")
    x, y, scale = transform(page)
    assert scale == pytest.approx(1.25**2)
    press(page, "\ue012")  # arrow left
    assert transform(page)[0] > x and transform(page)[1] == pytest.approx(y)
    press(page, "-")
    assert transform(page)[2] == pytest.approx(1.25)
    press(page, "0")
    assert transform(page) == (0, 0, 1)


def test_the_next_error_is_shown_large_and_said(page):
    press(page, "e")
    assert transform(page)[2] > 1
    assert page.find_element("id", "said").text.startswith("1 of 6: ")
    for box in page.find_elements("css selector", "#toggles input:not([value=hit])"):
        if box.is_selected():
            box.click()
    press(page, "e")
    assert page.find_element("id", "said").text == "no error of the kinds shown"


def test_another_image_is_chosen_by_key_and_by_click(page):
    names = [b.text.splitlines()[0] for b in page.find_elements("css selector", "#list button")]
    assert names == ["sub/a.png", "b.png"]  # the third has no error
    press(page, "n")
    assert drawn(page) == {"missed": 1, "hit": 1}
    page.find_elements("css selector", "#list button")[0].click()
    assert drawn(page)["missed"] == 2
    assert page.find_element("css selector", "#list button[aria-current=true]").text.startswith("sub/a.png")


def test_a_box_under_the_pointer_says_what_it_is(page):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page).move_to_element(page.find_element("css selector", ".background .box")).perform()
    assert page.find_element("id", "said").text.startswith("background: car")
