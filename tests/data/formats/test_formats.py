"""The table of formats, the data YAMLs that come with the package, and the help agree."""

from pathlib import Path

import pytest
import yaml

from yolotiny.cli import help as cli_help
from yolotiny.data import CONVERTERS
from yolotiny.data.formats import aitod, dota, soda_a, uavdt, visdrone, voc, xview
from yolotiny.exchange import TARGETS
from yolotiny.metrics import PROTOCOLS

OF_TOOLS = {"yolo", "cvat", "label-studio"}  # whose data sets are anybody's
FOLDER = Path(__file__).parents[3] / "cfg" / "datasets"
NAMES = {
    "visdrone": visdrone.NAMES,
    "uavdt": uavdt.NAMES,
    "aitod": aitod.NAMES,
    "aitod-v2": aitod.NAMES,
    "dota": dota.NAMES,
    "soda-a": soda_a.NAMES,
    "droneswarms": ["drone"],
    "tinyperson": ["person"],
    "xview": xview.NAMES,
    "hit-uav": ["Person", "Car", "Bicycle", "OtherVehicle"],
    "voc": voc.NAMES,
}
ANYBODYS = {"yolo", "geo"}  # of no data set in particular


@pytest.mark.parametrize("format", sorted(CONVERTERS.keys() - OF_TOOLS - ANYBODYS))
def test_every_format_has_a_data_yaml_with_its_classes_protocol_and_command(format):
    text = (FOLDER / f"{format}.yaml").read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    names = list(content["names"].values())
    assert names == list(NAMES[format]) if format in NAMES else len(set(names)) == 80
    assert content["protocol"] == CONVERTERS[format].protocol and content["protocol"] in PROTOCOLS
    assert f"yolotiny data convert format={format} source=DIR to=datasets/{format}\n" in text
    assert content["path"] == f"datasets/{format}" and "# Source: " in text
    splits = content.keys() & {"train", "val", "test"}
    assert {"train", "val"} <= splits == content["annotations"].keys()


def test_no_data_yaml_is_without_a_format():
    assert {p.stem for p in FOLDER.glob("*.yaml")} == CONVERTERS.keys() - OF_TOOLS - ANYBODYS


def test_the_help_and_the_docs_list_every_format():
    listed = cli_help.COMMANDS["data convert"].options["format"].help.removeprefix("what it is: ").split(", ")
    assert set(listed) == CONVERTERS.keys()
    written = cli_help.COMMANDS["data export"].options["format"].help.removeprefix("what to write: ").split(", ")
    assert set(written) == TARGETS.keys() <= CONVERTERS.keys()
    docs = (FOLDER.parents[1] / "docs" / "datasets.md").read_text(encoding="utf-8")
    assert [f for f in CONVERTERS if f"`{f}`" not in docs] == []


def test_large_pictures_are_cut_as_their_data_sets_have_it():
    found = {f: (row.tiling.tile, row.tiling.overlap, row.tiling.keep) for f, row in CONVERTERS.items() if row.tiling}
    assert found == {
        "dota": (1024, 200, 0.7),
        "soda-a": (800, 150, 0.7),
        "xview": (800, 200, 0.7),
        "geo": (640, 128, 0.7),
    }
