"""What a run does about crops, from the model file and what a user says."""

from __future__ import annotations

import pytest

from yolotiny.config import load as config
from yolotiny.config.slicing import section_of


@pytest.mark.parametrize("name", ["centernet", "centernet-r50-timm"])
def test_centernet_is_plain_until_somebody_asks_for_clusters_which_have_its_own_threshold(name):
    own = config.load(name)["infer"]
    k = {
        "nothing": {},
        "k": {"infer.crops.k": 3},
        "crops": {"infer.crops": "lsm"},
        "both": {"infer.crops": "lsm", "infer.crops.k": 0},
    }
    found = {said: section_of(own, changes, name)["crops"] for said, changes in k.items()}
    assert {said: crops.get("k", "usual") for said, crops in found.items()} == {
        "nothing": 0,
        "k": 3,
        "crops": "usual",
        "both": 0,
    }
    assert {crops["threshold"] for crops in found.values()} == {0.12}
    assert section_of(own, {"infer.crops": "grid"}, name) == {"crops": {"type": "grid"}}


def test_crops_may_stand_as_a_bare_name():
    assert section_of({"crops": "lsm"}, {"infer.crops": "lsm"}, "x.yaml") == {"crops": "lsm"}
