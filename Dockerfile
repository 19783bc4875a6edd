# The application: API, worker, beat, indexer and migrations, told apart by the command. Contracts are deployed from
# a checkout with their own tools, so their compiler and framework are not in this image.
FROM python:3.11-slim AS packages
COPY --from=ghcr.io/astral-sh/uv:0.13.8 /uv /usr/local/bin/uv
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --frozen --no-dev --no-install-project

FROM python:3.11-slim
RUN groupadd --system --gid 10001 backstage \
 && useradd --system --uid 10001 --gid backstage --home-dir /app --shell /usr/sbin/nologin backstage \
 && install -d -o backstage -g backstage /var/lib/backstage
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TZ=UTC
COPY --from=packages /app/.venv /app/.venv
COPY pyproject.toml LICENSE ./
COPY backend ./backend
COPY indexer ./indexer
USER backstage
EXPOSE 8000
CMD ["uvicorn", "backend.api:app", "--host", "0.0.0.0", "--port", "8000"]
