# Relance as an image: no root, a root file system that may be read-only, one volume (/data) for everything it writes.
#
#     docker build --tag relance .
#     docker run --rm --volume relance:/data relance init
#
# Debian's own Python, so that its security updates arrive with `docker build --pull --no-cache`. These very
# instructions are run in a bare Debian tree by tests/deploy/test_bare_debian.py: keep to plain RUN, COPY, ENV.
# How to run it: docs/operating.md.

FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
# Every package of the lock file is checked against its hashes; what is installed then comes from these files only.
# Changed rarely, so before the sources.
COPY requirements.lock /build/
RUN python3 -m venv /build/venv \
    && /build/venv/bin/pip download --quiet --require-hashes --only-binary :all: \
        --dest /build/wheels --requirement /build/requirements.lock
COPY pyproject.toml README.md LICENSE /build/source/
COPY engine /build/source/engine
COPY workflows /build/source/workflows
COPY notifications /build/source/notifications
COPY api /build/source/api
# Only what it runs on: no test tools, no pip. Compiled here, since nothing can be written there.
RUN python3 -m venv --without-pip /opt/relance \
    && /build/venv/bin/pip --python /opt/relance/bin/python install --quiet --no-index \
        --find-links /build/wheels /build/source

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 relance \
    && useradd --uid 10001 --gid relance --home-dir /data --no-create-home --shell /usr/sbin/nologin relance \
    && install --directory --owner relance --group relance --mode 0700 /data
COPY --from=build /opt/relance /opt/relance
ENV PATH=/opt/relance/bin:/usr/local/bin:/usr/bin:/bin \
    RELANCE_CONFIG=/data/relance.toml \
    HOME=/data \
    TMPDIR=/data \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process answers, not whether all is well: an unhealthy container is restarted by many an orchestrator,
# and no restart helps against a full disk or a run that fails. /readyz tells of those, to a person (docs/operating.md).
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/opt/relance/bin/python", "-I", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["relance"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
