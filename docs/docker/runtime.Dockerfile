# A service without torch. In the root of the checkout:
#   docker build -f docs/docker/runtime.Dockerfile -t yolotiny-runtime .
#   docker run --read-only --tmpfs /tmp -p 127.0.0.1:8000:8000 -v "$PWD/best.onnx:/models/best.onnx:ro" yolotiny-runtime

FROM python:3.12-slim AS build
WORKDIR /source
COPY LICENSE NOTICE ./
COPY packaging/runtime packaging/runtime
COPY yolotiny yolotiny
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels ./packaging/runtime

FROM python:3.12-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir "$(ls /wheels/*.whl)[serve]"
RUN useradd --uid 10001 --create-home yolotiny
USER 10001
WORKDIR /home/yolotiny
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=5)"]
# The first process of a container, to which SIGTERM goes. Who may reach it is what -p says.
ENTRYPOINT ["yolotiny-run"]
CMD ["serve", "/models/best.onnx", "--host", "0.0.0.0", "--port", "8000"]
