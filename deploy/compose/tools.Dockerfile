# The `klokwerk` command (topics, lag, replay, dead letters) and the simulators.
FROM base
COPY deploy/local/src/klokwerk_platform /app/klokwerk_platform
ENTRYPOINT ["python", "-m", "klokwerk_platform"]
