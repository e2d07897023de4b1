"""A model name gives a file and a scale."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.messages import assert_says
from yolotiny.config import load as config
from yolotiny.config import lookup
from yolotiny.config.load import available, find
from yolotiny.errors import InputError

V5 = """# A small anchor detector
nc: 3
scales: {n: [0.33, 0.25, 1024], s: [0.33, 0.5, 1024], m: [0.67, 0.75, 1024]}
head: [[-1, 1, Detect, [nc]]]
"""
YOLOX = (
    "nc: 3\nscales: {nano: [0.33, 0.25, 1024], tiny: [0.33, 0.375, 1024], s: [0.33, 0.5, 1024]}\n"
    + V5.split("\n", 3)[3]
)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A cfg folder with a few models, and an empty working folder."""
    folder, work = tmp_path / "cfg" / "models", tmp_path / "work"
    folder.mkdir(parents=True)
    work.mkdir()
    files = {
        "yolov5": V5,
        "yolov5-p2": V5,
        "yolov5-sarl": "# With attention\nbase: yolov5.yaml\ninsert: [{name: sarl, after: [c3, c4], module: SARL}]\n",
        "yolox": YOLOX,
        "yolox-p2": YOLOX,
        "yolox-sarl": "base: yolox.yaml\n",
        "yolc": "head: [[-1, 1, CenterDetect, [nc]]]\n",
    }
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text)
    monkeypatch.setattr(lookup, "cfg_dir", lambda: tmp_path / "cfg")
    monkeypatch.chdir(work)
    return folder


@pytest.mark.parametrize(
    ("name", "stem", "scale"),
    [
        ("yolov5.yaml", "yolov5", None),
        ("yolov5", "yolov5", None),
        ("yolov5n.yaml", "yolov5", "n"),
        ("yolov5s", "yolov5", "s"),
        ("yolov5-n.yaml", "yolov5", "n"),
        ("yolov5n-p2.yaml", "yolov5-p2", "n"),
        ("yolov5-m-p2.yaml", "yolov5-p2", "m"),
        ("yolov5s-sarl.yaml", "yolov5-sarl", "s"),
        ("yolox-nano.yaml", "yolox", "nano"),
        ("yolox-s.yaml", "yolox", "s"),
        ("yoloxs.yaml", "yolox", "s"),
        ("yolox-nano-p2.yaml", "yolox-p2", "nano"),
        ("yolox-tiny-sarl.yaml", "yolox-sarl", "tiny"),
        ("yolc", "yolc", None),
    ],
)
def test_a_name_gives_a_file_and_a_scale(models, name, stem, scale):
    assert find(name) == (models / f"{stem}.yaml", scale)


@pytest.mark.parametrize("name", ["yolov5x", "yoloxnano", "yolc-s", "yolov5-p2n", "yolox-m-p2"])
def test_a_scale_that_the_file_has_not_or_in_the_wrong_place_is_no_model(models, name):
    with pytest.raises(InputError, match=f"^unknown model '{name}.yaml'; did you mean '"):
        find(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("yolov5n-sral", "'yolov5n-sarl' or 'yolov5n' or 'yolov5n-p2'"),
        ("yolov5s-sral", "'yolov5s-sarl' or 'yolov5s' or 'yolov5s-p2'"),
        ("yolox-s-sral", "'yolox-s-sarl' or 'yolox-s' or 'yolox-s-p2'"),
        ("yoloxs-sral", "'yolox-s-sarl' or 'yolox-s' or 'yolox-s-p2'"),
        ("yolox-tiny-sral", "'yolox-tiny-sarl' or 'yolox-tiny' or 'yolox-tiny-p2'"),
        ("yolox-sral", "'yolox-sarl' or 'yolox-s' or 'yolox-s-sarl'"),  # the x is no scale here
    ],
)
def test_an_unknown_model_names_the_nearest_ones_of_its_scale(models, monkeypatch, name, near):
    monkeypatch.setattr(lookup, "_ultralytics_models", dict)
    with assert_says(f"unknown model '{name}.yaml'; did you mean {near}?"):
        find(name)
    with assert_says(f"model file '{name}.pt' does not exist; did you mean {near}?"):
        lookup.file_meant(f"{name}.pt")


def test_the_exact_file_wins_over_the_scaled_reading(models):
    (models / "yolov5n.yaml").write_text("nc: 1\n")
    assert find("yolov5n") == (models / "yolov5n.yaml", None)


def test_a_users_own_path_has_scales_too(models, tmp_path):
    own = tmp_path / "mynet.yaml"
    own.write_text(V5)
    assert find(own) == (own, None)
    assert find(f"{tmp_path}/mynet-s.yaml") == (own, "s")
    assert find(f"{tmp_path}/mynets") == (own, "s")
    with assert_says(f"unknown model 'mynet-q.yaml' in {tmp_path}; did you mean 'mynet-s' or 'mynet-n' or 'mynet-m'?"):
        find(f"{tmp_path}/mynet-q.yaml")


def test_a_file_in_the_working_folder_comes_before_a_shipped_one(models):
    Path("yolov5.yaml").write_text(V5)
    assert find("yolov5n") == (Path("yolov5.yaml"), "n")


@pytest.mark.parametrize(
    ("name", "stem", "scale"),
    [
        ("yolov8n-p2.yaml", "yolov8-p2", "n"),
        ("yolo11n", "yolo11", "n"),
        ("yolo26x.yaml", "yolo26", "x"),
        ("yolov10b", "yolov10b", None),
        ("yolov3-tiny", "yolov3-tiny", None),
        ("yoloe-v8s", "yoloe-v8", "s"),
        ("yolov5s-p6", "yolov5-p6", "s"),
    ],
)
def test_models_of_ultralytics_are_found_where_ours_do_not_match(models, name, stem, scale):
    file, found = find(name)
    assert (file.stem, found) == (stem, scale) and "ultralytics" in file.parts


def test_the_scale_of_a_transformer_model_follows_its_second_word():
    file, scale = find("tph-yolov5s-ugs")
    assert (file.stem, scale) == ("tph-yolov5-ugs", "s")


def test_finding_imports_neither_torch_nor_ultralytics():
    code = """if True:
        import sys
        from yolotiny.config.load import load
        load('yolov8n-p2')
        print({'torch', 'ultralytics'} & set(sys.modules))"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_the_shipped_folder_exists():
    assert (config.cfg_dir() / "models").is_dir()


def test_available_models_show_their_scales_and_first_comment(models):
    assert available() == [
        ("yolc", ""),
        ("yolov5[nsm]-p2", "A small anchor detector"),
        ("yolov5[nsm]-sarl", "With attention"),
        ("yolov5[nsm]", "A small anchor detector"),
        ("yolox-{nano,tiny,s}-p2", ""),
        ("yolox-{nano,tiny,s}-sarl", ""),
        ("yolox-{nano,tiny,s}", ""),
    ]
