"""What an error of AWS means for the caller: names of errors are finer than statuses."""

import re
from collections.abc import Mapping
from typing import Final

from passerelle.adapters.providers.upstream_faults import Identity, failure_of_status
from passerelle.domain.routing.providers import ProviderFailed
from passerelle.transport.wire.aws_errors import AwsError
from passerelle.transport.wire.errors import ErrorBody

_STATUSES: Final = {
    "accessdenied": 403,
    "expiredtoken": 403,
    "incompletesignature": 403,
    "internalfailure": 500,
    "internalserver": 500,
    "invalidclienttokenid": 403,
    "invalidsignature": 403,
    "missingauthenticationtoken": 403,
    "modelnotready": 429,
    "modeltimeout": 408,
    "optinrequired": 403,
    "requestexpired": 403,
    "resourcenotfound": 404,
    "servicequotaexceeded": 429,
    "serviceunavailable": 503,
    "signaturedoesnotmatch": 403,
    "throttling": 429,
    "toomanyrequests": 429,
    "unknownoperation": 404,
    "unrecognizedclient": 403,
    "validation": 400,
}
"""By the name of an error, without `Exception`, in small letters."""
_UNKNOWN_MODEL: Final = re.compile(
    r"model identifier is invalid|on-demand throughput isn.t supported|operation not allowed",
    re.IGNORECASE,
)
"""What AWS calls a bad request, and is our configuration."""
_NO_QUOTA: Final = re.compile(r"per day", re.IGNORECASE)
"""A limit of tokens that waiting a moment does not lift."""
_SECRET: Final = re.compile(r"\barn:aws[^\s\"'<>,]*|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")
"""Names of resources hold the number of the account."""


def failure_of_aws(
    told: AwsError, status: int, headers: Mapping[str, str], identity: Identity
) -> ProviderFailed:
    """`status` counts where the name of the error says nothing."""
    kind = told.kind.lower().removesuffix("exception")
    status = _STATUSES.get(kind, told.original_status or status)
    code = None
    if kind == "validation" and _UNKNOWN_MODEL.search(told.message):
        status = 404
    elif kind == "throttling" and _NO_QUOTA.search(told.message):
        code = "insufficient_quota"
    words = ErrorBody(_SECRET.sub("***", told.message), code=code)
    return failure_of_status(status, headers, words, identity)
