"""Logs as JSON lines, Prometheus metrics, OpenTelemetry traces whose context travels with every event."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

import orjson
import structlog
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
"""Metrics of this process, served at ``/metrics``."""

OUTBOX_DEPTH = Gauge("klokwerk_outbox_depth", "Events that wait for the relay", registry=REGISTRY)
OUTBOX_AGE = Gauge("klokwerk_outbox_oldest_seconds", "Age of the oldest waiting event", registry=REGISTRY)
OUTBOX_SENT = Counter(
    "klokwerk_outbox_sent", "Events acknowledged by the broker", ["topic"], registry=REGISTRY
)
OUTBOX_FAILED = Counter("klokwerk_outbox_failures", "Sends that failed", ["reason"], registry=REGISTRY)
OUTBOX_LEADER = Gauge("klokwerk_outbox_leader", "1 while this process relays", registry=REGISTRY)
CONSUMED = Counter("klokwerk_consumed", "Events handled", ["topic"], registry=REGISTRY)
DEAD = Counter("klokwerk_dead_letters", "Events put aside", ["topic", "reason"], registry=REGISTRY)
BATCH_SECONDS = Histogram("klokwerk_batch_seconds", "Time to handle one batch", ["topic"], registry=REGISTRY)
CONSUMER_LAG = Gauge(
    "klokwerk_consumer_lag", "Events not yet handled", ["topic", "partition"], registry=REGISTRY
)
CONSUMER_RESTARTS = Counter("klokwerk_consumer_restarts", "Restarts by the watchdog", registry=REGISTRY)
DELIVERIES = Counter("klokwerk_deliveries", "Outcomes of sendings", ["kind", "state"], registry=REGISTRY)
JOBS = Counter(
    "klokwerk_jobs", "Ends of jobs, and breaks that go on by themselves", ["kind", "state"], registry=REGISTRY
)
WORKER_RESTARTS = Counter("klokwerk_worker_restarts", "Workers started again", ["worker"], registry=REGISTRY)
HTTP_SECONDS = Histogram(
    "klokwerk_http_seconds", "Time to answer", ["method", "route", "status"], registry=REGISTRY
)

_tracer = trace.get_tracer("klokwerk")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event name and fields: ``log.info("relay_started", depth=3)``."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def configure_logging(service: str, level: str = "INFO") -> None:
    """Write every log line of the process as one JSON object on standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(
                    serializer=lambda value, **_: orjson.dumps(value, default=str).decode()
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiokafka", "httpx", "uvicorn.access", "sqlalchemy.engine", "faststream"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    structlog.contextvars.bind_contextvars(service=service)


def _add_trace(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = f"{span.trace_id:032x}"
    return event


def configure_tracing(service: str, otlp_endpoint: str) -> None:
    """Make spans, and send them to `otlp_endpoint` where one is given."""
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_endpoint)))
    trace.set_tracer_provider(provider)


def current_traceparent() -> str:
    """W3C ``traceparent`` of the running span; empty outside a span."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")


def context_of(traceparent: str) -> Context:
    """The trace context that a ``traceparent`` header carries."""
    return propagate.extract({"traceparent": traceparent})


def consumer_span(name: str, traceparents: Iterable[str]) -> trace.Span:
    """A span for one batch: the child of its events' trace if they share one, else linked to each."""
    distinct = {value for value in traceparents if value}
    if len(distinct) == 1:
        return _tracer.start_span(name, context=context_of(distinct.pop()), kind=trace.SpanKind.CONSUMER)
    links = [
        trace.Link(trace.get_current_span(context_of(value)).get_span_context())
        for value in sorted(distinct)[:100]
    ]
    return _tracer.start_span(name, kind=trace.SpanKind.CONSUMER, links=links)
