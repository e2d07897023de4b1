"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


class Metrics:
    """Counts of one service, in a registry of their own.

    Attributes:
        answers: to /detect, by status.
        seconds: from a request to its answer.
        looking: of which the worker took so many.
        boxes: found.
        places: of the queue in use.
        restarts: of the worker: it took too long, or ended.
    """

    def __init__(self) -> None:
        self.registry = to = CollectorRegistry()
        self.answers = Counter("yolotiny_answers", "Answers of /detect", ["status"], registry=to)
        self.seconds = Histogram(
            "yolotiny_request_seconds", "Request to answer, good ones", buckets=SECONDS, registry=to
        )
        self.looking = Histogram("yolotiny_looking_seconds", "Decoding and detection", buckets=SECONDS, registry=to)
        self.boxes = Counter("yolotiny_boxes", "Boxes found", registry=to)
        self.places = Gauge("yolotiny_places_taken", "Places of the queue in use", registry=to)
        self.restarts = Counter(
            "yolotiny_worker_restarts", "Worker processes that were replaced", ["reason"], registry=to
        )
        ProcessCollector(registry=to)  # memory and time of the process that listens

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self.registry)
