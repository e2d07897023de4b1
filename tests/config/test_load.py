"""Model YAMLs are put on their base and changed by dotted names."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from tests.messages import assert_says
from tests.small_yaml import V5
from yolotiny.config import lookup
from yolotiny.config.load import load, override, rows, split_overrides


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A cfg folder with a few models, and an empty working folder."""
    folder, work = tmp_path / "cfg" / "models", tmp_path / "work"
    folder.mkdir(parents=True)
    work.mkdir()
    files = {
        "yolov5": V5,
        "yolov5-sarl": "# With attention\nbase: yolov5.yaml\ninsert: [{name: sarl, after: [c3, c4], module: SARL}]\n",
        "yolox": V5.replace("{n:", "{nano:"),
        "yolox-sarl": "base: yolox.yaml\n",
        "yolc": "head: [[-1, 1, CenterDetect, [nc]]]\n",
    }
    for stem, text in files.items():
        (folder / f"{stem}.yaml").write_text(text)
    monkeypatch.setattr(lookup, "cfg_dir", lambda: tmp_path / "cfg")
    monkeypatch.chdir(work)
    return folder


def small():
    return yaml.safe_load(V5) | {"yaml_file": "small.yaml"}


def test_loading_sets_the_scale_and_the_name(models):
    cfg = load("yolov5s-sarl")
    assert (cfg["scale"], cfg["yaml_file"]) == ("s", "yolov5s-sarl.yaml")
    assert "base" not in cfg and cfg["nc"] == 3 and len(cfg["head"]) == 3
    assert load("yolov5.yaml")["scale"] == "n"  # the first one
    assert "scale" not in load("yolc")


@pytest.mark.parametrize("name", ["yolov5", "yolov5m-sarl", "yolox-nano-sarl", "yolc"])
def test_loading_what_was_loaded_changes_nothing(models, name):
    cfg = load(name)
    before = deepcopy(cfg)
    assert load(cfg) == cfg == before
    assert load(yaml.safe_load(yaml.safe_dump(cfg))) == cfg


def test_loading_twice_changes_nothing_after_overrides_and_replacements(models):
    source = {
        "base": "yolov5n",
        "replace": [{"name": "detect", "module": "MyDetect", "hidden": 8}, {"name": 0, "args": {"c2": 24}}],
        "insert": [{"name": "a", "after": "c3", "module": "A"}],
    }
    cfg = load(source, {"a.k": 5, "loss.box.type": "nwd", "loss.box.c": 12.7, "scale": "m"})
    assert load(cfg) == cfg and cfg["scale"] == "m"
    assert cfg["head"][-1] == [[1, -1, "c4"], 1, "MyDetect", ["nc"], "detect", {"hidden": 8}]
    assert cfg["insert"] == [{"name": "a", "after": "c3", "module": "A", "k": 5}]
    assert rows(cfg)[0].args == () and rows(cfg)[0].kwargs == {"c2": 24}


def test_a_loaded_dict_shares_nothing_with_its_source():
    source = small() | {"channels": (1, 2)}
    cfg = load(source)
    cfg["backbone"][0][3].append("x")
    cfg["loss"]["box"]["weight"] = 0
    assert cfg["channels"] == [1, 2]
    assert source["backbone"][0][3] == [16, 3, 2] and source["loss"]["box"]["weight"] == 5.0


def merged(models, child):
    return load({"base": "yolov5.yaml"} | child)


def test_dicts_merge_and_null_deletes(models):
    cfg = merged(models, {"loss": {"box": {"weight": 7}, "cls": None, "obj": {"type": "bce"}}, "assigner": None})
    assert cfg["loss"] == {"box": {"type": "ciou", "weight": 7, "eps": 1e-7}, "obj": {"type": "bce"}}
    assert "assigner" not in cfg


def test_a_changed_type_drops_the_old_arguments_but_the_weight(models):
    assert merged(models, {"loss": {"box": {"type": "sal", "beta": 2}}})["loss"]["box"] == {
        "type": "sal",
        "weight": 5.0,
        "beta": 2,
    }
    assert merged(models, {"loss": {"box": {"type": "ciou", "eps": 0}}})["loss"]["box"] == {
        "type": "ciou",
        "weight": 5.0,
        "eps": 0,
    }


def test_a_bare_name_stands_for_its_type(models):
    assert merged(models, {"loss": {"box": "giou"}})["loss"]["box"] == {"type": "giou", "weight": 5.0}
    cfg = load({"base": "yolov5.yaml", "coder": "v5"}, {"coder.limit": 4})
    assert cfg["coder"] == {"type": "v5", "limit": 4}


def test_inserts_of_base_and_child_are_joined(models):
    cfg = load({"base": "yolov5", "insert": [{"name": "b", "after": "c3", "module": "B"}]})
    assert [i["name"] for i in cfg["insert"]] == ["b"]
    (models / "two.yaml").write_text(V5 + "insert: [{name: a, after: c3, module: A}]\n")
    cfg = load({"base": "two", "insert": [{"name": "b", "after": "c3", "module": "B"}]})
    assert [i["name"] for i in cfg["insert"]] == ["a", "b"]


def test_the_childs_scales_replace_the_bases(models):
    cfg = load({"base": "yolov5s", "scales": {"q": [1, 1, 512]}})
    assert (cfg["scales"], cfg["scale"]) == ({"q": [1, 1, 512]}, "q")
    assert load({"base": "yolov5s"})["scale"] == "s"
    assert load({"base": "yolov5s", "scale": "m"})["scale"] == "m"


def test_a_base_is_looked_for_beside_its_child_and_is_never_the_child(models, tmp_path):
    (tmp_path / "mybase.yaml").write_text(V5.replace("nc: 3", "nc: 9"))
    (tmp_path / "mine.yaml").write_text("base: mybase.yaml\n")
    assert load(tmp_path / "mine.yaml")["nc"] == 9
    Path("yolov5.yaml").write_text("base: yolov5.yaml\nnc: 4\n")
    cfg = load("yolov5n")
    assert (cfg["nc"], cfg["scale"]) == (4, "n")


def test_a_base_may_have_a_base_and_so_on(models):
    (models / "yolov5-both.yaml").write_text("base: yolov5-sarl.yaml\nloss: {box: {type: sal}}\n")
    (models / "yolov5-all.yaml").write_text(
        "base: yolov5-both\ninsert: [{name: b, after: c4, module: B}]\nreplace: [{name: sarl, k: 2}]\n"
    )
    cfg = load("yolov5s-all")
    assert (cfg["scale"], cfg["nc"], cfg["loss"]["box"]) == ("s", 3, {"type": "sal", "weight": 5.0})
    assert [(i["name"], i.get("k")) for i in cfg["insert"]] == [("sarl", 2), ("b", None)]
    assert "base" not in cfg and load(cfg) == cfg and len(rows(cfg)) == 9


def test_the_nearest_word_of_a_chain_decides_the_scale(models):
    (models / "a.yaml").write_text("base: yolov5s-sarl.yaml\n")
    (models / "b.yaml").write_text("base: a.yaml\n")
    assert load("b")["scale"] == load({"base": "b"})["scale"] == "s"
    (models / "a.yaml").write_text("base: yolov5s-sarl.yaml\nscale: m\n")
    assert load("b")["scale"] == load({"base": "b"})["scale"] == "m"
    assert load({"base": "b", "scale": "n"})["scale"] == "n"


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("an", "bn")])
def test_bases_in_a_circle_are_one_line_that_names_them(models, one, other):
    (models / "a.yaml").write_text(f"base: {other}.yaml\n")
    (models / "b.yaml").write_text(f"base: {one}.yaml\n")
    for name in ("a", "an") if one == "an" else ("a",):
        with assert_says(
            "bases in a circle: a.yaml -> b.yaml -> a.yaml; one of them needs a backbone and a head of its own"
        ):
            load(name)


def test_a_term_that_the_detector_has_can_be_set_though_its_file_does_not_name_it():
    out = override(small(), {"loss.l1.weight": 1, "loss.recon": {"weight": 2}}, terms=["box", "l1"])
    assert out["loss"]["l1"] == {"weight": 1} and out["loss"]["recon"] == {"weight": 2}
    with assert_says("cannot set 'loss.l2.weight' in small.yaml: 'loss' has no 'l2'; there are: box, cls, l1"):
        override(small(), {"loss.l2.weight": 1}, terms=["box", "l1"])


def test_numbers_like_1e_minus_4_are_numbers(models):
    (models / "num.yaml").write_text(V5.replace("eps: 1e-7", "eps: 1e-7, a: -2E3, b: 1.5e+2, c: e5"))
    assert load("num")["loss"]["box"] == {"type": "ciou", "weight": 5.0, "eps": 1e-7, "a": -2000.0, "b": 150, "c": "e5"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nc: 3\nlos: {}\n", "unknown key 'los' in bad.yaml; did you mean 'loss'?"),
        ("- 1\n", "{file} is not a model: it holds no mapping of keys to values"),
        ("nc: 3\nloss: {}\nnc: 4\n", "{file} is not readable YAML: 'nc' is there twice, line 3"),
        ("nc: [3\n", "{file} is not readable YAML: did not find expected ',' or ']', line 2"),
        ("nc: 3\n", "bad.yaml has no layers: it needs a backbone and a head, or a base"),
        (V5 + "scale: q\n", "unknown scale 'q' in bad.yaml; there are: n, s, m"),
        ("scale: s\nhead: [[-1, 1, A, []]]\n", "unknown scale 's' in bad.yaml; it has no scales"),
        ("scales: [n, s]\n", "scales in bad.yaml must be a mapping, not ['n', 's']"),
        ("insert: {a: 1}\n", "insert in bad.yaml must be a list, not {{'a': 1}}"),
        ("backbone: 5\n", "backbone in bad.yaml must be a list, not 5"),
        (V5 + "replace: [detect]\n", "replace in bad.yaml needs mappings with a name, not 'detect'"),
        (
            V5 + "replace: [{name: detct}]\n",
            "replace in bad.yaml names no layer 'detct'; did you mean 'detect'?",
        ),
        (
            V5 + "replace: [{name: c3, after: c4}]\n",
            "bad.yaml: layer 'c3' is not an insert and has no 'after'",
        ),
    ],
)
def test_a_bad_file_gives_one_clear_line(models, text, message):
    (models / "bad.yaml").write_text(text)
    with assert_says(message.format(file=models / "bad.yaml")):
        load("bad.yaml")


def test_replace_changes_what_it_gives_and_keeps_the_rest():
    layer = rows(load(small() | {"replace": [{"name": "c3", "module": "C2f", "shortcut": True}]}))[1]
    assert (layer.source, layer.repeats, layer.module, layer.args, layer.name) == ("0", 3, "C2f", (32,), "c3")
    assert layer.kwargs == {"shortcut": True}
    layer = rows(load(small() | {"replace": [{"name": 1, "args": [8], "repeats": 2, "from": "image"}]}))[1]
    assert (layer.source, layer.repeats, layer.module, layer.args) == ("image", 2, "C3", (8,))


def test_replace_reaches_mappings_of_arguments_and_inserts():
    cfg = small() | {"insert": [{"name": "a", "after": "c3", "module": "A", "k": 1, "m": 2}]}
    cfg["backbone"][0] = [-1, 1, "Conv", {"c2": 16, "k": 3}]
    cfg["replace"] = [{"name": "0", "k": 5}, {"name": "a", "k": 7, "m": None}]
    by_key = {r.key: r for r in rows(load(cfg))}
    assert by_key["0"].args == () and by_key["0"].kwargs == {"c2": 16, "k": 5}
    assert by_key["a"].kwargs == {"k": 7}


def test_overrides_change_single_values_and_leave_the_original():
    cfg = load(small())
    out = override(cfg, {"loss.box.weight": 2, "assigner.radius": 3, "nc": 5, "infer.max_det": 9, "scale": "s"})
    assert (out["loss"]["box"]["weight"], out["assigner"]["radius"], out["nc"], out["scale"]) == (2, 3, 5, "s")
    assert out["infer"] == {"max_det": 9}
    assert (cfg["loss"]["box"]["weight"], cfg["nc"], cfg["scale"]) == (5.0, 3, "n")


def test_a_single_scale_can_be_overridden():
    assert list(override(small(), {"scales.n": [1, 1, 64]})["scales"]) == ["n", "s", "m"]


def test_an_overridden_type_drops_old_arguments_in_any_order():
    for changes in ({"loss.box.type": "sal", "loss.box.beta": 2}, {"loss.box.beta": 2, "loss.box.type": "sal"}):
        assert override(small(), changes)["loss"]["box"] == {"type": "sal", "weight": 5.0, "beta": 2}


def test_an_override_may_add_a_term_or_take_one_out():
    out = override(small(), {"loss.recon": {"type": "mse"}, "loss.recon.weight": 2, "loss.cls": None})
    assert list(out["loss"]) == ["box", "recon"] and out["loss"]["recon"] == {"type": "mse", "weight": 2}


def test_an_override_reaches_arguments_of_inserts_and_named_rows():
    cfg = load(small() | {"insert": [{"name": "sarl", "after": ["c3", "c4"], "module": "SARL"}]})
    by_key = {r.key: r for r in rows(override(cfg, {"sarl.reduction": 8, "detect.hidden": 32}))}
    assert by_key["sarl"].kwargs == {"reduction": 8}
    assert by_key["6"].args == ("nc",) and by_key["6"].kwargs == {"hidden": 32}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"los.box.weight": 1},
            "cannot set 'los.box.weight' in small.yaml: there is no section 'los'; did you mean 'loss'?",
        ),
        (
            {"loss.bxo.weight": 1},
            "cannot set 'loss.bxo.weight' in small.yaml: 'loss' has no 'bxo'; did you mean 'box'?",
        ),
        ({"loss.bxo": None}, "cannot set 'loss.bxo' in small.yaml: 'loss' has no 'bxo'; did you mean 'box'?"),
        ({"nc.x": 1}, "cannot set 'nc.x' in small.yaml: 'nc' is a single value"),
        ({"reg_max": None}, "cannot take 'reg_max' out of small.yaml: it is not there"),
        ({"detct.k": 1}, "cannot set 'detct.k' in small.yaml: there is no section 'detct'; did you mean 'detect'?"),
        ({"detect.a.b": 1}, "cannot set 'detect.a.b' in small.yaml; write detect.ARGUMENT"),
        ({"head": []}, "cannot set 'head' in small.yaml: that takes a YAML of its own"),
        ({"measured.object_size": 9}, "cannot set 'measured.object_size' in small.yaml: training measures that"),
        ({"scale": "q"}, "unknown scale 'q' in small.yaml; there are: n, s, m"),
    ],
)
def test_a_bad_override_gives_one_clear_line(changes, message):
    with assert_says(message):
        load(small(), changes)


def test_an_optional_section_that_is_off_may_be_switched_off():
    assert "crop_train" not in load(small(), {"crop_train": None})
    on = load(small(), {"crop_train": "grid", "crop_train.tile": 320})
    assert on["crop_train"] == {"type": "grid", "tile": 320} and "crop_train" not in load(on, {"crop_train": None})


def test_dotted_options_and_model_sections_go_to_the_model():
    options = {"epochs": 3, "scale": 0.5, "loss.box.weight": 2, "nc": 4}
    assert split_overrides(options, ["epochs", "scale"]) == (
        {"epochs": 3, "scale": 0.5},
        {"loss.box.weight": 2, "nc": 4},
    )
    with assert_says("unknown option 'epoch'; did you mean 'epochs' or 'ch'?"):
        split_overrides({"epoch": 3}, ["epochs", "imgsz"])
