"""What boto3 reads and makes from the models of AWS services,
made once for each process instead of for each client.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import botocore.client
import botocore.session


def reuse() -> None:
    """Read each model once, and make the class of each service's clients once.

    Nearly every test makes a session: reading models was a third of what the tests computed, and
    making classes with hundreds of documented methods a tenth.
    """
    botocore.session.create_loader = lru_cache(botocore.session.create_loader)
    make = botocore.client.ClientCreator._create_client_class
    classes: dict[Any, type] = {}

    def made_once(self: Any, service_name: str, service_model: Any) -> type:
        event = f"creating-client-class.{service_model.service_id.hyphenize()}"
        # what boto3 adds, botocore's lack
        handlers = self._event_emitter._emitter._handlers.prefix_search(event)
        key = (
            service_name,
            service_model.api_version,
            tuple(getattr(each, "__qualname__", each) for each in handlers),
        )
        if key not in classes:
            classes[key] = make(self, service_name, service_model)
        return classes[key]

    botocore.client.ClientCreator._create_client_class = made_once
