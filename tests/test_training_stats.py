"""What training measured, written into a configuration and read again from wherever it went."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.messages import assert_says
from yolotiny.training_stats import TrainingStats

STATS = TrainingStats(object_size=9.5, pixel_scale=0.5, object_areas=[4.0, 400.0])


def test_what_is_noted_in_a_configuration_is_found_by_every_way():
    cfg = {"nc": 1}
    STATS.note_in(cfg)
    network = SimpleNamespace(yaml=cfg)
    ways = TrainingStats.of_config(cfg), TrainingStats.of(network), TrainingStats.of(SimpleNamespace(model=network))
    assert all(found == STATS for found in ways)
    assert TrainingStats.of(STATS.known()) == STATS


def test_an_exported_file_has_them_as_text_in_its_metadata():
    assert TrainingStats.of(SimpleNamespace(object_size="9.5", pixel_scale="0.5")).known() == {
        "object_size": 9.5,
        "pixel_scale": 0.5,
    }


@pytest.mark.parametrize("source", [None, {}, SimpleNamespace(), SimpleNamespace(yaml={"nc": 1})])
def test_where_nobody_says_anything_nothing_is_known(source):
    assert TrainingStats.of(source).known() == {} and TrainingStats.of_config({}).known() == {}


def test_tiles_show_objects_as_large_as_tiles_of_training_did():
    assert STATS.tile_object_size == 9.5
    assert TrainingStats(object_size=9.5, crop_object_size=20.0).tile_object_size == 20.0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (5, "measured=5 is no section; training writes it, leave it out"),
        ({"object_size": "big"}, "measured.object_size='big' must be a number; training writes it, leave it out"),
    ],
)
def test_a_section_that_training_cannot_have_written_is_refused(section, message):
    with assert_says(message):
        TrainingStats.of(SimpleNamespace(yaml={"measured": section}))
