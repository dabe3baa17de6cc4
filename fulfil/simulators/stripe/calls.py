"""One API call as an operation sees it."""

from dataclasses import dataclass

from fulfil.simulators.stripe.parameters import Parameters


@dataclass(frozen=True)
class Call:
    """`identity` is the id in the path, `base_url` the address a customer can open, `publishable` a browser's key."""

    parameters: Parameters
    identity: str
    base_url: str
    publishable: bool = False
