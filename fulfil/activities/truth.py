"""What every handler of Stripe's events works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client

from fulfil.gateways.stripe.gateway import StripeGateway
from fulfil.kit.database import Database


@dataclass(frozen=True)
class Truth:
    """Where the truth is read (the gateway), written (the database) and told (the workflows' client)."""

    database: Database
    gateway: StripeGateway
    client: Client
    clock: Callable[[], datetime]
