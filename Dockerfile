# One image, three commands: migrate, serve, scheduler. It holds the wheel and its locked dependencies, no sources.

FROM python:3.12-slim AS wheel
WORKDIR /source
COPY requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY db db
COPY jobs jobs
COPY openapi openapi
RUN hatchling build --target wheel

FROM python:3.12-slim AS install
WORKDIR /install
RUN python -m venv /opt/equityaccess
ENV PATH=/opt/equityaccess/bin:$PATH
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY --from=wheel /source/dist ./dist
RUN pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin equityaccess
COPY --from=install /opt/equityaccess /opt/equityaccess
ENV PATH=/opt/equityaccess/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
EXPOSE 8000
# Live, not ready: a database that is away must not get a sound process replaced.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=3)"]
ENTRYPOINT ["equityaccess"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
