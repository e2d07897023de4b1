"""The files and lines for clusters, run with programs that stand for the cluster's; no cluster is asked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tiny_data import QUICK, ROOT, trained

SBATCH = ROOT / "docs" / "cluster" / "train.sbatch"
KUBERNETES = ROOT / "docs" / "cluster" / "train.yaml"
SAYS = '#!/bin/bash\nprintf "%s\\n" "${0##*/}" "$@"\n'
# Two tasks of a job, with what SLURM tells each of them.
SRUN = """#!/bin/bash
while [[ "$1" == --* ]]; do shift; done
for i in 0 1; do SLURM_PROCID=$i SLURM_LOCALID=$i SLURM_NTASKS=2 "$@" & tasks[i]=$!; done
code=0
for task in "${tasks[@]}"; do wait "$task" || code=$?; done
exit $code
"""


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Programs of a cluster in the path, and a folder to work in."""
    programs, work = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    work.mkdir()
    given = {"scontrol": "#!/bin/bash\necho 127.0.0.1\necho node1\n", "srun": '#!/bin/bash\nshift\nexec "$@"\n'}
    for name, text in (given | {"torchrun": SAYS}).items():
        write(programs / name, text)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    for name, value in {"JOB_ID": "712345", "NNODES": "2", "JOB_NODELIST": "node[0-1]"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.delenv("SLURM_GPUS_ON_NODE", raising=False)
    monkeypatch.chdir(work)
    return programs


def write(file, text):
    file.write_text(text)
    file.chmod(0o755)


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_file_for_slurm_starts_a_torchrun_a_machine_and_goes_on_with_its_run(cluster, monkeypatch):
    monkeypatch.setenv("SLURM_GPUS_ON_NODE", "4")
    words = said("bash", str(SBATCH), "model=yolov5n", "data=some data.yaml")
    begin = ["torchrun", "--nnodes=2", "--nproc-per-node=4", "--max-restarts=3", "--rdzv-backend=c10d"]
    begin += ["--rdzv-id=712345", "--rdzv-endpoint=127.0.0.1:22345", "-m", "yolotiny", "train"]
    folder = Path("runs", "detect").absolute()
    asked = ["model=yolov5n", "data=some data.yaml", f"project={folder}", "name=job712345", "exist_ok=True"]
    assert words == begin + asked
    last = folder / "job712345" / "weights" / "last.pt"
    last.parent.mkdir(parents=True)
    last.touch()
    assert said("bash", str(SBATCH), "model=yolov5n") == [*begin, f"resume={last}"]


@pytest.mark.slow
@pytest.mark.long
def test_the_file_for_slurm_trains_one_model(cluster):
    write(cluster / "torchrun", f'#!/bin/bash\nexec {sys.executable} -m torch.distributed.run "$@"\n')
    write(cluster / "srun", SRUN)
    options = [f"{k}={v}" for k, v in (QUICK | {"model": "yolov5n", "data": trained().data}).items()]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["bash", str(SBATCH), *options], env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    (run,) = Path("runs", "detect").iterdir()
    assert run.name == "job712345" and len((run / "results.csv").read_text().splitlines()) == 2


def test_the_line_for_slurm_without_torchrun_names_each_task(cluster, monkeypatch):
    page = next(file for file in (ROOT / "docs").glob("*.md") if "RANK=$SLURM_PROCID" in file.read_text())
    (lines,) = re.findall(r"```bash\n(export MASTER_PORT.*?)```", page.read_text(), re.DOTALL)
    write(cluster / "srun", SRUN)
    shown = "${RANK}of$WORLD_SIZE ${LOCAL_RANK}at$MASTER_ADDR:$MASTER_PORT"
    write(cluster / "yolotiny", f'#!/bin/bash\necho "{shown} $*"\n')
    expected = [f"{i}of2 {i}at127.0.0.1:29500 train model=... data=..." for i in (0, 1)]
    assert sorted(said("bash", "-c", lines)) == expected


def test_the_job_of_kubernetes_is_whole_and_goes_on_with_its_run(cluster, tmp_path):
    service, job = yaml.safe_load_all(KUBERNETES.read_text())
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    pod = job["spec"]["template"]["spec"]
    assert service["metadata"]["name"] == pod["subdomain"]
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    (container,) = pod["containers"]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    command = [*container["command"], *(text.replace("/shared", str(tmp_path)) for text in container["args"])]
    words = said(*command)
    spec, cards = job["spec"], container["resources"]["limits"]["nvidia.com/gpu"]
    assert words[:3] == ["torchrun", f"--nnodes={spec['completions']}", f"--nproc-per-node={cards}"]
    assert f"--rdzv-endpoint={job['metadata']['name']}-0.{pod['subdomain']}:29500" in words
    assert words[-3:] == [f"project={tmp_path}/runs", "name=train", "exist_ok=True"]
    (tmp_path / "runs" / "train" / "weights").mkdir(parents=True)
    (tmp_path / "runs" / "train" / "weights" / "last.pt").touch()
    assert said(*command)[-1] == f"resume={tmp_path}/runs/train/weights/last.pt"
