"""Arms of docs/results.md that differ in one thing: trained alike with several seeds, printed with mean and spread.

    python benchmarks/arms.py set=losses data=hit600.yaml pretrained=yolov5n.pt seeds=0,1 to=runs/arms

Sets and their arms are the table below. Every run is a process of its own (`yolotiny train`), ends on the weights of
the last epoch (nothing is chosen on val), and leaves its folder under `to`; a finished run is not done again, so the
program can be stopped and started, and started twice for two lanes (set OMP_NUM_THREADS=1 then). `only=a,b` takes some
arms. With `table=only` nothing is trained. bfloat16 (`amp=bf16`) halves the time on CPUs that know it; all arms of a
set share it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

FIGURES = ("AP", "AP50", "AP75", "AP_vt", "AP_t", "AP_s", "AP_m")
V5 = "model=yolov5n.yaml"
RKA = "model=yolov5n-nwd-rka.yaml"
UGS = "model=yolov5n-ugs.yaml"
HEAVY = f"{UGS} loss.bins.weight=0.05"  # as heavy as the IoU term
YOLC = "model=yolc-n.yaml crop_train=null"
PLAIN = "detect.refine=false detect.coupled=true"
SETS = {
    "losses": {
        "default": V5,
        "sal": "model=yolov5n-sal.yaml",
        "nwd": "model=yolov5n-nwd.yaml",
        "gwd_l1": "model=yolov5n-gwd.yaml",
        "rka-iou": f"{RKA} assigner.metric=iou",
        "rka-nwd": RKA,
        "sal+rka-nwd": f"{RKA} loss.box.type=sal",
        "default-weight.085": f"{V5} loss.box.weight=0.085",
        "nwd-ratio.5": "model=yolov5n-nwd.yaml loss.box.ratio=0.5 loss.box.weight=0.05",
        "rka-nwd-k4": f"{RKA} assigner.k=4",
        "rka-nwd-k9": f"{RKA} assigner.k=9",
        "rka-nwd-k15": f"{RKA} assigner.k=15",
        "rka-nwd-k9-neg1": f"{RKA} assigner.k=9 assigner.neg=1",
    },
    "yolox": {  # epochs=20 and all pictures: it has no pretrained weights
        "default": "model=yolox-nano.yaml",
        "sal": "model=yolox-nano-sal.yaml",
        "nwd-simota": "model=yolox-nano.yaml assigner.metric=nwd",
        "rka-nwd": "model=yolox-nano-nwd-rka.yaml",
        "ugs": "model=yolox-nano-ugs.yaml",
        "ugs-ce": "model=yolox-nano-ugs.yaml loss.bins.entropy=0 loss.bins.gamma=0",
        "sarl": "model=yolox-nano-sarl.yaml",
        "srtod": "model=yolox-nano-srtod.yaml",
        "sarl+srtod": "model=yolox-nano-sarl-srtod.yaml",
        "sarl+srtod+sal": "model=yolox-nano-sarl-srtod.yaml loss.box.type=sal",
    },
    "ugs": {
        "default": V5,
        "ce-uniform": f"{HEAVY} coder.beta=[0,0] loss.bins.entropy=0 loss.bins.gamma=0",
        "ce": f"{HEAVY} loss.bins.entropy=0 loss.bins.gamma=0",
        "ce+um": f"{HEAVY} loss.bins.gamma=0",
        "ce+um+ur": HEAVY,
        "ce+um+ur-ce": f"{HEAVY} loss.bins.ur=ce",
        "ce-weight.02": f"{UGS} loss.bins.entropy=0 loss.bins.gamma=0",
        "ce+um+ur-weight.02": UGS,
    },
    "yolc": {
        "centernet-l1": f"{YOLC} {PLAIN} loss.box.gwd=0 loss.box.l1=1",
        "gwd": f"{YOLC} {PLAIN} loss.box.l1=0",
        "gwd+l1": f"{YOLC} {PLAIN}",
        "+refine": f"{YOLC} detect.coupled=true",
        "+decoupled": YOLC,
    },
    "gpu": {  # what benchmarks/gpu.py trains side by side; YOLOX has no pretrained weights
        "default": V5,
        "sal": "model=yolov5n-sal.yaml",
        "ugs-ce": f"{UGS} loss.bins.entropy=0 loss.bins.gamma=0",
        "sarl+srtod": "model=yolov5n-sarl-srtod.yaml",
        "yolox": "model=yolox-nano.yaml pretrained=False",
        "yolox-rka": "model=yolox-nano-nwd-rka.yaml pretrained=False",
    },
    "modules": {
        "default": V5,
        "sarl": "model=yolov5n-sarl.yaml",
        "rh-only": "model=yolov5n-srtod.yaml srtod.fusion=none",
        "srtod": "model=yolov5n-srtod.yaml",
        "srtod-relative": "model=yolov5n-srtod.yaml srtod.thresh_mode=relative",
        "srtod-relative-area": "model=yolov5n-srtod.yaml srtod.thresh_mode=relative srtod.resize=area",
        "sarl+sal": "model=yolov5n-sarl.yaml loss.box.type=sal",
        "sarl+srtod+sal": "model=yolov5n-sarl-srtod.yaml loss.box.type=sal",
    },
}
OPTIONS = {"set": "losses", "data": None, "pretrained": None, "to": "runs/arms", "seeds": "0,1", "only": None}
OPTIONS |= {"imgsz": "320", "batch": "16", "epochs": "12", "amp": "bf16", "device": "cpu", "table": "after"}
OPTIONS |= {"workers": "8", "cache": "False"}


def run(name, options, seed, folder):
    """Train one arm; its output goes to a file beside its folder."""
    try:
        (folder / f"{name}.claimed").touch(exist_ok=False)
    except FileExistsError:
        return  # finished, or in another lane
    passed_on = ("data", "imgsz", "batch", "epochs", "amp", "device", "workers", "cache")
    words = [f"{k}={OPTIONS[k]}" for k in passed_on]
    words += ["plots=False", "val=False", f"seed={seed}", f"project={folder}", f"name={name}", "exist_ok=True"]
    if OPTIONS["pretrained"] and "pretrained=" not in options:
        words.append(f"pretrained={OPTIONS['pretrained']}")
    with open(folder / f"{name}.log", "w") as log:
        command = [sys.executable, "-m", "yolotiny", "train", *options.split(), *words]
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=os.environ).returncode
    if done:
        (folder / f"{name}.claimed").unlink()  # for the next try
        print(f"{name} failed, see {folder / name}.log")


def row(name, reports):
    """One line of the table: the mean of the seeds, and how far apart they lie."""
    cells = []
    for figure in FIGURES:
        values = [100 * (r.get(figure) or 0) for r in reports]
        mean, spread = sum(values) / len(values), max(values) - min(values)
        cells.append(f"{mean:.1f}" + (f" ({spread:.1f})" if len(values) > 1 else ""))
    return f"| {name} | {len(reports)} | {' | '.join(cells)} |"


if __name__ == "__main__":
    for word in sys.argv[1:]:
        key, _, value = word.partition("=")
        if key not in OPTIONS:
            sys.exit(f"unknown option {key!r}; there are: {', '.join(OPTIONS)}")
        OPTIONS[key] = value
    if OPTIONS["set"] not in SETS:
        sys.exit(f"unknown set {OPTIONS['set']!r}; there are: {', '.join(SETS)}")
    known = SETS[OPTIONS["set"]]
    wanted = OPTIONS["only"].split(",") if OPTIONS["only"] else list(known)
    if unknown := [k for k in wanted if k not in known]:
        sys.exit(f"unknown arm {unknown[0]!r} of set={OPTIONS['set']}; there are: {', '.join(known)}")
    arms = {k: v for k, v in known.items() if k in wanted}
    folder = Path(OPTIONS["to"]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    seeds = OPTIONS["seeds"].split(",")
    files = {(k, s): f"{k}-{s}" for s in seeds for k in arms}
    if OPTIONS["table"] != "only":
        for (arm, seed), name in files.items():
            run(name, arms[arm], seed, folder)
    print(f"\n| arm | seeds | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}")
    for arm in arms:
        found = [folder / files[arm, s] / "report.json" for s in seeds]
        if reports := [json.loads(f.read_text()) for f in found if f.exists()]:
            print(row(arm, reports))
