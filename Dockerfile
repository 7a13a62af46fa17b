# TrafficGuard in a container:
#
#     docker build -t trafficguard .
#     docker run --read-only --cap-drop ALL -p 8080:8080 -e TRAFFICGUARD_UPSTREAM=http://shop:9000 trafficguard
#
# With a configuration file, mounted anywhere:
#
#     docker run --read-only --cap-drop ALL -p 8080:8080 -v ./trafficguard.yaml:/etc/trafficguard.yaml:ro \
#         trafficguard serve --config /etc/trafficguard.yaml
#
# Nothing is written to the file system, unless a log file is configured.

FROM python:3.12-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY trafficguard/ trafficguard/
# The policies that come with the program; trafficguard/packs/ points to them.
COPY config/ config/
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/trafficguard \
    && /opt/trafficguard/bin/pip install /wheels/*.whl

# Compiled kernels are kept for one processor model. The image runs on others than it was built on, and they would
# compile anew at each start, because they cannot write here; so the kernels are built for any x86-64 or arm64
# processor. They are made of 64-bit integer arithmetic and atomic operations: counting three keys takes 0.9 µs
# with either (measured on one machine), so nothing is lost.
ENV NUMBA_CPU_NAME=generic TRAFFICGUARD_CACHE_DIR=/opt/trafficguard/kernels
# The folder belongs to root, as whoever can write to it can run code as us; everybody may read it.
RUN /opt/trafficguard/bin/trafficguard warm && chmod -R a+rX,go-w /opt/trafficguard/kernels


FROM python:3.12-slim

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin trafficguard
COPY --from=build /opt/trafficguard /opt/trafficguard
ENV PATH=/opt/trafficguard/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic TRAFFICGUARD_CACHE_DIR=/opt/trafficguard/kernels
USER 10001:10001

EXPOSE 8080
# SIGTERM drains: requests in flight finish, within timeouts.drain. Give `docker stop --time` a little more than that.
STOPSIGNAL SIGTERM
# The admin listener stays on the container's own loopback address.
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 9180, timeout=2); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["trafficguard"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
