"""How this installation reaches Kafka: addresses, security, the topic prefix, one way to build clients."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context

from klokwerk.settings import ServiceSettings

MAX_EVENT_BYTES = 4_000_000
"""Largest event (value, key and headers) that goes out; a sale of 5,000 lines fits."""
TOPIC_MAX_MESSAGE_BYTES = 4_300_000
"""``max.message.bytes`` of every topic: above the largest event, with room for what a dead letter adds."""


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Where Kafka is and how to speak to it.

    Attributes:
        bootstrap: ``host:port`` of some brokers, separated by commas.
        prefix: put before topic and group names.
    """

    bootstrap: str
    prefix: str = ""
    security: str = "PLAINTEXT"
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, settings: ServiceSettings) -> KafkaAddress:
        """The address that a service's settings give."""
        return cls(
            settings.kafka,
            settings.topic_prefix,
            settings.kafka_security,
            settings.kafka_user,
            settings.kafka_password.get_secret_value(),
        )

    def topic(self, name: str) -> str:
        """The topic's name on this cluster."""
        return self.prefix + name

    def dead_letters(self, topic: str, group: str) -> str:
        """Where `group` puts aside what it cannot handle of `topic`."""
        return f"{self.prefix}{topic}.{group}.dlq"

    def replays(self, topic: str, group: str) -> str:
        """The side topic through which only `group` gets events of `topic` again."""
        return f"{self.prefix}{topic}.{group}.replay"

    def client_options(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client of this cluster takes."""
        context: ssl.SSLContext | None = create_ssl_context() if "SSL" in self.security.split("_") else None
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap.split(","),
            "security_protocol": self.security,
            "ssl_context": context,
        }
        if self.security.startswith("SASL"):
            options |= {
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password,
            }
        return options

    def producer(self, **options: Any) -> AIOKafkaProducer:
        """A producer that loses nothing: idempotent, acknowledged by all in-sync replicas."""
        return AIOKafkaProducer(
            **(
                self.client_options()
                | {
                    "acks": "all",
                    "enable_idempotence": True,
                    "max_request_size": TOPIC_MAX_MESSAGE_BYTES - 50_000,
                    "max_batch_size": 128 * 1024,
                    "request_timeout_ms": 15_000,
                    "compression_type": None,
                }
                | options
            )
        )


def is_broker_trouble(error: BaseException) -> bool:
    """Whether `error` speaks of the broker or the way to it, and not of one record."""
    return isinstance(error, KafkaError) and bool(error.retriable or error.invalid_metadata)
