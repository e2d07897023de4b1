"""The seam of the reader of pictures and videos: how ultralytics opens a video, under a public name."""

from __future__ import annotations

from ultralytics.data.loaders import LoadImagesAndVideos

from .seams import seam


@seam("_new_video")
class SeamedReader(LoadImagesAndVideos):
    """ultralytics' reader."""

    def open_video(self, path: str) -> None:
        """Open a video as `cap`, with `frame` 0, `frames` and `fps`.

        Raises:
            FileNotFoundError: it cannot be opened.
        """
        self._new_video(path)
