"""Bodies of requests of Converse, checked against botocore's description of the service."""

import json
from functools import cache
from typing import Any

import pytest
from botocore.session import get_session  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

from passerelle.domain.routing.providers import Inexpressible, ModelCall
from passerelle.transport.wire.bedrock_converse import encode_request


def body_of(call: ModelCall) -> dict[str, Any]:
    """Every body is checked against botocore's description of the service."""
    body: dict[str, Any] = json.loads(encode_request(call))
    report = ParamValidator().validate({"modelId": call.model, **body}, _shape())
    assert not report.has_errors(), report.generate_report()
    return body


@cache
def _shape() -> Any:
    service = get_session().get_service_model("bedrock-runtime")
    return service.operation_model("Converse").input_shape


def refused(call: ModelCall) -> str | None:
    with pytest.raises(Inexpressible) as caught:
        encode_request(call)
    return caught.value.param
