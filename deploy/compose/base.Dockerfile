# What every image stands on: Python, the locked packages, the contracts and the shared library.
FROM python:3.12.12-slim-bookworm AS packages
COPY deploy/bootstrap.lock deploy/compose/runtime.lock /locks/
RUN python -m venv /opt/klokwerk \
 && python -m venv /opt/build \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r /locks/bootstrap.lock \
 && /opt/build/bin/uv pip install --no-cache --python /opt/klokwerk/bin/python --require-hashes -r /locks/runtime.lock

FROM python:3.12.12-slim-bookworm
RUN groupadd --gid 10001 klokwerk \
 && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin klokwerk
COPY --from=packages /opt/klokwerk /opt/klokwerk
COPY contracts/src/klokwerk_contracts /app/klokwerk_contracts
COPY shared/src/klokwerk /app/klokwerk
ENV PATH=/opt/klokwerk/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KLOKWERK_HOST=0.0.0.0 \
    KLOKWERK_PORT=8000
WORKDIR /app
USER 10001:10001
