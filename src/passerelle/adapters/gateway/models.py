"""`GET /v1/models` and `GET /v1/models/{id}`: what the caller may ask for."""

import msgspec

from passerelle.adapters.gateway.edge import Request
from passerelle.adapters.gateway.problems import NoSuchModel
from passerelle.stories.serve.exchange import ModelOffer, Server

PREFIX = "/v1/models/"
_JSON = ((b"content-type", b"application/json"),)


class _Model(msgspec.Struct):
    id: str
    created: int
    owned_by: str
    object: str = "model"


class _Models(msgspec.Struct):
    data: list[_Model]
    object: str = "list"


class Models:
    def __init__(self, server: Server) -> None:
        self._server = server

    async def all(self, request: Request) -> None:
        models = [_model(offer) for offer in self._server.models(request.credential)]
        await request.reply(200, msgspec.json.encode(_Models(models)), _JSON)

    async def one(self, request: Request) -> None:
        sought = request.path.removeprefix(PREFIX)
        for offer in self._server.models(request.credential):
            if offer.id == sought:
                await request.reply(200, msgspec.json.encode(_model(offer)), _JSON)
                return
        raise NoSuchModel(param="model")


def _model(offer: ModelOffer) -> _Model:
    return _Model(offer.id, offer.created, offer.owned_by)
