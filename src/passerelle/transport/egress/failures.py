"""How a request to an upstream can fail; callers say what it means in their own words."""


class EgressFailed(Exception):
    """The upstream could not be asked, or its answer could not be read."""


class NotAllowed(EgressFailed):
    """The allow-list does not hold this origin."""


class CannotConnect(EgressFailed):
    """No connection: name, network, refusal or TLS."""


class TimedOut(EgressFailed):
    """A deadline passed."""


class ConnectionLost(EgressFailed):
    """The connection ended before the answer did."""


class NotHttp(EgressFailed):
    """What came back is not HTTP/1.1 as we read it."""


class TooLarge(EgressFailed):
    """Headers or body are over the limit."""


class Redirected(EgressFailed):
    """The upstream points elsewhere; credentials are never carried along."""
