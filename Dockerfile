FROM python:3.13-slim AS build
RUN python -m venv /opt/botcore
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY alembic ./alembic
COPY sql ./sql
COPY botcore ./botcore
COPY botcli ./botcli
RUN /opt/botcore/bin/pip install --no-cache-dir '.[bot]' -c constraints.txt

FROM python:3.13-slim
RUN useradd --system --create-home --shell /usr/sbin/nologin botcore
COPY --from=build /opt/botcore /opt/botcore
# probes and posts come from outside the container, to PORT
ENV PATH=/opt/botcore/bin:$PATH PYTHONUNBUFFERED=1 HTTP_HOST=0.0.0.0
USER botcore
WORKDIR /home/botcore
# without a shell, so that SIGTERM reaches the bot
ENTRYPOINT ["botcli"]
CMD ["run"]
