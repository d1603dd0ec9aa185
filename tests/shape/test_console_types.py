"""The console's client types come from the document that the gateway serves."""

from pathlib import Path

import msgspec

from passerelle.adapters.api.app import openapi_document

WEB = Path(__file__).parents[2] / "web"


def test_committed_openapi_document_is_the_served_one() -> None:
    committed = (WEB / "openapi.json").read_bytes()
    served = msgspec.json.format(openapi_document(), indent=2) + b"\n"
    assert committed == served, "write it anew, then: npm run types"
