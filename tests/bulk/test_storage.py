"""Pictures from a bucket and results into one, against a server on this machine."""

from __future__ import annotations

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.bulk.buckets import buckets
from yolotiny.bulk.sources import Fetcher, pictures_of
from yolotiny.bulk.storage import Store, Unreachable
from yolotiny.errors import InputError


@pytest.fixture(scope="module")
def bucket():
    """A client of an empty bucket called `pictures`, and the environment that finds it."""
    with buckets("pictures") as client:
        yield client


def keys(client, prefix: str) -> list[str]:
    found = client.list_objects_v2(Bucket="pictures", Prefix=prefix).get("Contents", ())
    return [x["Key"] for x in found if not x["Key"].endswith("/")]  # an empty object stands for a folder


def test_the_pictures_below_a_prefix_come_by_name_and_nothing_else_does(bucket):
    for name in ("b.png", "sub/a.JPG", "._b.png", "notes.txt", "clip.mp4"):
        bucket.put_object(Bucket="pictures", Key=f"few/{name}", Body=b"content of " + name.encode())
    found = pictures_of("s3://pictures/few/")
    assert found == ["s3://pictures/few/b.png", "s3://pictures/few/sub/a.JPG"]
    assert pictures_of("s3://pictures/few/b.png") == ["s3://pictures/few/b.png"]
    with Fetcher([*found, "s3://pictures/few/gone.png"]) as fetcher:
        for i, text in ((1, b"content of sub/a.JPG"), (0, b"content of b.png")):
            with fetcher.file(i) as path, open(path, "rb") as file:
                assert file.read() == text
            assert not os.path.exists(path)
        with pytest.raises(FileNotFoundError), fetcher.file(2):
            pass


def test_what_is_written_is_whole_or_not_there(bucket, monkeypatch):
    store = Store("s3://pictures/out")
    store.write("shards/one.parquet", b"x" * 100)
    assert keys(bucket, "out/") == ["out/shards/one.parquet"] and store.read("shards/one.parquet") == b"x" * 100
    monkeypatch.setattr(Store, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.write("shards/two.parquet", b"y")
    assert store.names("shards") == {"one.parquet"}


def interrupted(store: Store, name: str, content: bytes) -> None:
    """What is left where a process ends before it renames."""
    with store.files.open_output_stream(f"{store.root}/tmp/part") as file:
        file.write(content)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("s3://pictures/empty", "no pictures in s3://pictures/empty; files with these suffixes"),
        ("s3://nowhere/few", "cannot list s3://nowhere/few: there is no such bucket"),
        ("s3://pictures/few/*.png", "a bucket has no patterns; give a prefix"),
    ],
)
def test_what_is_not_there_is_one_line(bucket, address, says):
    with pytest.raises(InputError, match=says.replace("*", r"\*")) as caught:
        pictures_of(address)
    assert "\n" not in str(caught.value)


def test_nobody_at_the_other_end_and_no_right_are_one_line(bucket, monkeypatch):
    denied = OSError("When listing: AWS Error ACCESS_DENIED during ListObjectsV2 operation: Forbidden (Request ID: 1)")

    class Shut:
        def get_file_info(self, selector):
            raise denied

    store = Store("s3://pictures/few")
    store.files = Shut()
    with pytest.raises(Unreachable, match="^cannot list s3://pictures/few: no credentials, or none that may"):
        store.below()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="^cannot list s3://pictures/few: nobody answers there"):
        pictures_of("s3://pictures/few")


@pytest.mark.slow
def test_a_run_from_a_bucket_into_a_bucket_finds_what_one_from_a_disk_does(bucket, tmp_path, capfd):
    import cv2

    from tests.bulk.models import awake_model
    from yolotiny.cli import main as cli

    rng, model = np.random.default_rng(0), awake_model()
    (tmp_path / "in").mkdir()
    for i in range(20):
        cv2.imwrite(str(tmp_path / "in" / f"{i}.png"), rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    for file in (tmp_path / "in").iterdir():
        bucket.put_object(Bucket="pictures", Key=f"in/{file.name}", Body=file.read_bytes())
    words = [f"model={model}", "imgsz=64", "workers=1"]
    assert cli.main(["predict", *words, f"source={tmp_path / 'in'}", f"out={tmp_path / 'out'}"]) == 0
    assert cli.main(["predict", *words, "source=s3://pictures/in", "out=s3://pictures/found"]) == 0
    assert "21 pictures, 1 of them cannot be read" in capfd.readouterr().out
    files = [tmp_path / "disk.json", tmp_path / "bucket.json"]
    for source, file in zip([tmp_path / "out", "s3://pictures/found"], files, strict=True):
        assert cli.main(["results", f"source={source}", "to=coco", f"out={file}"]) == 0
    assert files[0].read_bytes() == files[1].read_bytes() and len(files[0].read_bytes()) > 1000
    left = keys(bucket, "found/")
    assert "found/failed.parquet" in left and not [key for key in left if "/tmp/" in key]
    table = pq.read_table(
        Store("s3://pictures/found").files.open_input_file("pictures/found/failed.parquet")
    ).to_pylist()
    assert [row["picture"] for row in table] == ["s3://pictures/in/broken.png"]
