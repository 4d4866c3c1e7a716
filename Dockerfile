# The bot; `docker build --target backup` makes the one with PostgreSQL's own programs, for `botcli backup`.
FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY deploy/requirements.txt deploy/build.txt ./deploy/
# pip stays in a folder of this stage; the image has Python's own, which does not install into /opt/botcore
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r deploy/build.txt \
    && python -m venv --without-pip /opt/botcore \
    && /opt/build/bin/pip --python /opt/botcore/bin/python install --require-hashes --only-binary=:all: \
        -r deploy/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY alembic ./alembic
COPY sql ./sql
COPY botcore ./botcore
COPY botcli ./botcli
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /dist \
    && /opt/build/bin/pip --python /opt/botcore/bin/python install --no-index --no-deps /dist/*.whl

FROM python:3.13-slim-trixie AS bot
# Debian's archive has but one version of each, the newest
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin botcore
COPY --from=build /opt/botcore /opt/botcore
# by SSL_CERT_FILE botcore finds the authorities for verify-full; probes and posts come from outside the container
ENV PATH=/opt/botcore/bin:$PATH PYTHONUNBUFFERED=1 SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt HTTP_HOST=0.0.0.0
LABEL org.opencontainers.image.title="botcli" \
    org.opencontainers.image.description="A Telegram bot on PostgreSQL" \
    org.opencontainers.image.licenses="MIT"
# by number, so that an orchestrator sees that it is not root
USER 10001:10001
STOPSIGNAL SIGTERM
# no HEALTHCHECK: what runs it asks /ready, and a bot without PORT, or another command, listens nowhere
ENTRYPOINT ["tini", "--", "botcli"]
CMD ["run"]

FROM bot AS backup
USER 0
# pg_dump has to be as new as the server, and Debian's is 17; the script of Debian's package has PostgreSQL's own key
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install --yes --no-install-recommends postgresql-client-18 \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=botcore --group=botcore --mode=0700 /backups
USER 10001:10001
CMD ["backup", "--keep", "14", "/backups"]

# the last stage is what a plain `docker build` makes
FROM bot
