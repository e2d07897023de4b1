# Training on a card. torch's wheels bring the libraries of CUDA, and the host its driver (NVIDIA Container Toolkit).
# In the root of the checkout:
#   docker build -f docs/docker/training.Dockerfile -t yolotiny .
#   docker run --gpus all --shm-size 8g -v "$PWD/datasets:/home/yolotiny/datasets" -v "$PWD/runs:/home/yolotiny/runs" \
#     yolotiny train model=yolov5n-p2p3.yaml data=datasets/hit-uav/data.yaml
# The user in it has the number 10001, or the one that `docker run --user` gives; runs/ has to be writable for it.

FROM python:3.12-slim
# What OpenCV's wheel links.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY setup.cfg pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY cfg cfg
COPY yolotiny yolotiny
RUN pip install --no-cache-dir -c constraints.txt ".[deploy]"
RUN useradd --uid 10001 --create-home yolotiny
USER 10001
WORKDIR /home/yolotiny
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENTRYPOINT ["yolotiny"]
CMD ["help"]
