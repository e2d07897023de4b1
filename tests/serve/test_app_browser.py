"""The page at / in a real browser: a picture goes in, boxes and crops come out, and nothing else is fetched."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.runtime.conftest import squares

pytestmark = pytest.mark.slow
BOXES = "return document.querySelectorAll('rect.box').length"


@pytest.fixture
def page(chrome, service, tmp_path):
    """The page, freshly opened; what it did is checked when the test is over."""
    chrome.get("about:blank")
    for log in ("browser", "performance"):
        chrome.get_log(log)
    folder = str(tmp_path / "saved")
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
    chrome.get(f"{service.address}/")
    yield chrome
    wrong = [row for row in chrome.get_log("browser") if "status of 4" not in row["message"]]
    assert wrong == []
    events = [json.loads(row["message"])["message"] for row in chrome.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    own = {url for url in asked if url.startswith(f"{service.address}/")}
    assert {url.partition(":")[0] for url in asked - own} <= {"blob", "data"}


@pytest.fixture
def picture(tmp_path) -> Path:
    """Two bright squares and a weaker one, in a picture that is shown as large as it is."""
    file = tmp_path / "scene.png"
    cv2.imwrite(str(file), squares((1, 2, 255), (6, 6, 200), (3, 5, 50)))
    return file


def until(driver, code: str, wanted):
    """Wait until a script gives what is wanted."""
    got = None
    for _ in range(200):
        got = driver.execute_script(code)
        if got == wanted:
            return
        time.sleep(0.05)
    raise AssertionError((code, got, wanted, driver.find_element("id", "said").text))


def opened(page, picture, boxes=2):
    page.find_element("id", "file").send_keys(str(picture))
    until(page, BOXES, boxes)


def slide(page, value):
    page.execute_script(
        "const s = document.getElementById('conf'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", value
    )


def saved(tmp_path, name) -> Path:
    file = tmp_path / "saved" / name
    for _ in range(200):
        if file.is_file() and file.stat().st_size:
            return file
        time.sleep(0.05)
    raise AssertionError(f"no {name} in {list(tmp_path.rglob('*'))}")


def scale(page) -> float:
    text = page.execute_script("return document.getElementById('scene').getAttribute('transform')")
    return float(re.findall(r"scale\(([\d.]+)\)", text)[0])


def test_it_says_which_model_it_asks_and_shows_boxes_of_a_picture_that_is_opened(page, picture):
    until(page, "return document.getElementById('model').textContent", "bright.onnx: bright, dull")
    opened(page, picture)
    assert page.find_element("id", "said").text.startswith("2 of 3 boxes shown, 64 x 64 px")
    places = (
        "return [...document.querySelectorAll('rect.box')].map(b => [b.getAttribute('x'), b.getAttribute('y')].join())"
    )
    assert set(page.execute_script(places)) == {"8,16", "48,48"}
    assert page.execute_script("return document.querySelectorAll('image').length") == 1


def test_a_picture_is_dropped(page, picture):
    drop = """
        const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "dropped.png"));
        for (const kind of ["dragover", "drop"])
          document.getElementById("stage").dispatchEvent(
            new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
    """

    page.execute_script(drop, base64.b64encode(picture.read_bytes()).decode())
    until(page, BOXES, 2)


def test_the_slider_and_the_classes_filter(page, picture):
    opened(page, picture)
    for value, boxes in ((0.05, 3), (0.9, 1), (0.5, 2)):
        slide(page, value)
        assert page.execute_script(BOXES) == boxes
    (switch,) = page.find_elements("css selector", "#classes input")
    assert page.find_element("id", "classes").text == "bright 2"
    switch.click()
    assert page.execute_script(BOXES) == 0
    page.find_element("css selector", "#classes input").click()
    assert page.execute_script(BOXES) == 2


def test_crops_are_asked_for_drawn_and_hidden(page, picture):
    opened(page, picture)
    page.find_element("css selector", "#crops option:nth-child(3)").click()
    tiles = "return document.querySelectorAll('rect.tile').length"
    until(page, f"{tiles} > 0", True)
    page.find_element("id", "tiles").click()
    assert page.execute_script(tiles) == 0 and page.execute_script(BOXES) >= 2


def test_it_zooms_by_wheel_keys_and_buttons_and_fits_again(page, picture):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    opened(page, picture)
    stage = page.find_element("id", "stage")
    at = "const r = document.querySelector('rect.box').getBoundingClientRect(); return [r.x, r.y, r.width]"
    x, y, width = page.execute_script(at)
    ActionChains(page).scroll_from_origin(ScrollOrigin.from_viewport(round(x), round(y)), 0, -120).perform()
    near_x, near_y, near_width = page.execute_script(at)
    assert near_width > 1.2 * width and abs(near_x - x) < 3 and abs(near_y - y) < 3
    stage.send_keys("+")
    page.find_element("css selector", "#tools button").click()
    assert scale(page) > 1.8
    ActionChains(page).move_to_element(stage).click_and_hold().move_by_offset(50, 20).release().perform()
    stage.send_keys("0")
    assert page.execute_script("return document.getElementById('scene').getAttribute('transform')").endswith("scale(1)")


def test_a_box_under_the_pointer_says_what_it_is(page, picture):
    from selenium.webdriver.common.action_chains import ActionChains

    opened(page, picture)
    ActionChains(page).move_to_element(page.find_elements("css selector", "rect.box")[-1]).perform()
    assert page.find_element("id", "under").text == "bright 1.00, 8.0 x 8.0 px"


def test_json_and_drawing_hold_what_is_shown(page, picture, tmp_path):
    opened(page, picture)
    slide(page, 0.9)
    page.find_element("id", "json").click()
    found = json.loads(saved(tmp_path, "scene.json").read_text())
    assert [d["box"] for d in found["detections"]] == [[8, 16, 16, 24]] and found["model"] == "bright.onnx"
    page.find_element("id", "drawing").click()
    drawn, before = cv2.imread(str(saved(tmp_path, "scene-boxes.png"))), cv2.imread(str(picture))
    assert drawn.shape == before.shape
    y, x = np.nonzero((drawn != before).any(2))
    assert (x.min(), x.max(), y.min(), y.max()) == (7, 16, 15, 24)  # round the square, not over it
    np.testing.assert_array_equal(drawn[16:24, 8:16], before[16:24, 8:16])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"no picture", "no picture that can be read"),
        (cv2.imencode(".png", np.zeros((1000, 1001), np.uint8))[1].tobytes(), "1,001,000 pixels"),
        (bytes(200_001), "the picture has 200,001 bytes; this service takes 200,000"),
    ],
)
def test_what_cannot_be_looked_at_is_said_in_a_line(page, picture, tmp_path, content, line):
    until(page, "return document.getElementById('model').textContent", "bright.onnx: bright, dull")
    opened(page, picture)
    (tmp_path / "bad.png").write_bytes(content)
    page.find_element("id", "file").send_keys(str(tmp_path / "bad.png"))
    until(page, "return document.getElementById('said').className", "wrong")
    assert line in page.find_element("id", "said").text


def test_a_format_that_the_browser_does_not_know_has_its_boxes_all_the_same(page, tmp_path):
    cv2.imwrite(str(tmp_path / "p.tif"), squares((1, 2, 255), (6, 6, 200)))
    opened(page, tmp_path / "p.tif")
    assert "this browser cannot show the format" in page.find_element("id", "said").text
