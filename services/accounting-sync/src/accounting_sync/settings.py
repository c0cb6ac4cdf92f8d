"""Settings of accounting-sync: those of every service, and where files go and how secrets are kept."""

from pathlib import Path
from typing import Annotated

from klokwerk.settings import ServiceSettings
from pydantic import Field, SecretStr


class AccountingSettings(ServiceSettings):
    """Settings by environment variable, prefix ``KLOKWERK_``.

    Attributes:
        secret_key: at least 16 characters; credentials of connections are encrypted with it.
        export_folder: the service's own folder, for administrations without one (EP-56).
        exact_timeout_seconds: how long one call to an accounting system may take.
        worker_seconds: pause between two looks at what is due (retries, unfinished exports).
        connection_test_hours: how often each connection is tested by itself; 0 for never.
    """

    secret_key: Annotated[SecretStr, Field(min_length=16)]
    export_folder: Path = Path("exports")
    exact_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 20.0
    worker_seconds: Annotated[float, Field(gt=0, le=600)] = 1.0
    connection_test_hours: Annotated[float, Field(ge=0, le=168)] = 24.0
