"""Buckets on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

moto = pytest.importorskip("moto.server", reason="needs a server of buckets: pip install 'moto[server]' boto3")
KEYS = {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def buckets(*names: str) -> Iterator[Any]:
    """A client of empty buckets, and the environment that finds them."""
    import boto3

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (KEYS | {"AWS_ENDPOINT_URL": address}).items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=address)
        for name in names:
            client.create_bucket(Bucket=name)
        yield client
    server.stop()
