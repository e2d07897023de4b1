"""xView: WorldView-3 scenes of about 3,000 px, 60 classes in one GeoJSON."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ...errors import InputError
from ..records import Dataset, existing_folder, record_of
from .reading import all_numbers, get, images_by_stem, read_json

# The public table of the data set: type_id to name. Ids that are missing here have no class.
TYPES = {
    **{11: "Fixed-wing Aircraft", 12: "Small Aircraft", 13: "Cargo Plane", 15: "Helicopter"},
    **{17: "Passenger Vehicle", 18: "Small Car", 19: "Bus", 20: "Pickup Truck", 21: "Utility Truck", 23: "Truck"},
    **{24: "Cargo Truck", 25: "Truck w/Box", 26: "Truck Tractor", 27: "Trailer", 28: "Truck w/Flatbed"},
    **{29: "Truck w/Liquid", 32: "Crane Truck", 33: "Railway Vehicle", 34: "Passenger Car", 35: "Cargo Car"},
    **{36: "Flat Car", 37: "Tank car", 38: "Locomotive", 40: "Maritime Vessel", 41: "Motorboat", 42: "Sailboat"},
    **{44: "Tugboat", 45: "Barge", 47: "Fishing Vessel", 49: "Ferry", 50: "Yacht", 51: "Container Ship"},
    **{52: "Oil Tanker", 53: "Engineering Vehicle", 54: "Tower crane", 55: "Container Crane", 56: "Reach Stacker"},
    **{57: "Straddle Carrier", 59: "Mobile Crane", 60: "Dump Truck", 61: "Haul Truck", 62: "Scraper/Tractor"},
    **{63: "Front loader/Bulldozer", 64: "Excavator", 65: "Cement Mixer", 66: "Ground Grader", 71: "Hut/Tent"},
    **{72: "Shed", 73: "Building", 74: "Aircraft Hangar", 76: "Damaged Building", 77: "Facility"},
    **{79: "Construction Site", 83: "Vehicle Lot", 84: "Helipad", 86: "Storage Tank", 89: "Shipping container lot"},
    **{91: "Shipping Container", 93: "Pylon", 94: "Tower"},
}
NAMES = list(TYPES.values())
VAL = 0.2  # share of the pictures that become val
SEED = 0  # of the choice of these pictures


def val_pictures(names: list[str], share: float = VAL, seed: int = SEED) -> set[str]:
    """Choose the pictures of val: the first `share` in an order that hangs on seed and name only.

    So a picture more or less in the folder changes the split by one picture, and every machine makes the same.
    """
    ordered = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).hexdigest())
    return set(ordered[: round(share * len(ordered))])


def _bounds(text: object, where: str) -> list[float]:
    try:
        box = [float(v) for v in str(text).split(",")]
    except ValueError:
        box = []
    if len(box) != 4 or not all_numbers(box):
        raise InputError(f"{where}: bounds_imcoords must be 'x1,y1,x2,y2', found {text!r}")
    return box


def read_xview(source: str | Path) -> Dataset:
    """Read xView.

    The labels of its val pictures are not public, so a fifth of the train pictures becomes val, by a seeded choice of
    whole pictures (`val_pictures`). Rows are dropped and counted when their type has no class, when they have no
    bounds, or when their picture is absent.

    Args:
        source: the folder that holds `xView_train.geojson` and `train_images/*.tif`.

    Raises:
        InputError: a file or folder is missing, or a malformed feature.
    """
    source = existing_folder(source, "xView source")
    path = source / "xView_train.geojson"
    features = read_json(path, ("features",))["features"]
    images = {p.name: p for p in images_by_stem(existing_folder(source / "train_images", "xView pictures")).values()}
    chosen = val_pictures(list(images))
    split = {name: "val" if name in chosen else "train" for name in images}
    rows: dict[str, list[tuple]] = {name: [] for name in images}
    labels = {number: i for i, number in enumerate(TYPES)}
    data = Dataset(list(NAMES), {"train": [], "val": []})
    data.categories = {s: {number: (NAMES[i], i) for number, i in labels.items()} for s in data.splits}
    for i, feature in enumerate(features):
        where = f"{path} features[{i}]"
        properties = get(feature, "properties", dict, where)
        image, number = get(properties, "image_id", str, where), get(properties, "type_id", int, where)
        if image not in rows:
            data.drop("train", "row of an absent picture")
        elif number not in labels:
            data.drop(split[image], f"row of type {number}, which has no class")
        elif not properties.get("bounds_imcoords"):
            data.drop(split[image], "row without bounds")
        else:
            rows[image].append((*_bounds(properties["bounds_imcoords"], where), labels[number], False))
    for name, found in rows.items():
        data.splits[split[name]].append(record_of(images[name], name, found))
    data.notes.append(f"val is a seeded choice of {len(chosen)} of {len(images)} pictures: its own val has no labels")
    return data
