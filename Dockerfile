# The page and the API of FreeSeg, with the light installation (onnxruntime, no PyTorch).
#
#   docker build -t freeseg .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8000:8000 -e FREESEG_TOKEN freeseg

FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md CHANGELOG.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/freeseg \
 && /opt/freeseg/bin/pip install --no-cache-dir --constraint constraints.txt ".[serve]" \
 && /opt/freeseg/bin/python -m compileall -q /opt/freeseg/lib \
 && /opt/freeseg/bin/pip uninstall --yes pip

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="FreeSeg" \
      org.opencontainers.image.description="Segment photos by words: a web page and an API" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/freeseg /opt/freeseg
# Nothing is written: neither byte code nor caches, so the root file system may be read-only.
ENV PATH=/opt/freeseg/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/nonexistent
USER 65534:65534
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4).read()"]
# Others reach the container's address, so it asks for a token: FREESEG_TOKEN, or --open-to-all after the image's name.
ENTRYPOINT ["freeseg", "serve", "--host", "0.0.0.0"]
