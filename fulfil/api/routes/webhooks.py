"""What the payment provider tells us: verified, stored, answered; processed later by the relay."""

from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel

from fulfil.api.dependencies import Context
from fulfil.api.documentation import API, WEBHOOKS, problems
from fulfil.api.errors import ProblemError
from fulfil.api.writers.stripe_events import store_stripe_event
from fulfil.gateways.stripe.webhooks import WebhookSignatureError, read_stripe_event

router = APIRouter(prefix=f"{API}/webhooks", tags=[WEBHOOKS])
log = structlog.stdlib.get_logger(__name__)


class Received(BaseModel):
    """The event is stored."""

    received: bool = True


@router.post("/stripe", responses=problems())
async def receive_stripe_event(
    context: Context, request: Request, stripe_signature: Annotated[str, Header(max_length=2000)] = ""
) -> Received:
    """A signed event of at most 1 MB and five minutes of age; delivered twice it is stored once."""
    body = await request.body()
    secrets = [secret.get_secret_value() for secret in context.settings.stripe_webhook_secrets]
    try:
        event = read_stripe_event(body, stripe_signature, secrets, context.clock())
    except WebhookSignatureError as error:
        log.warning("webhook refused", cause=str(error))
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "webhook_signature_invalid",
            "The signature does not match, or is too old.",
            param="Stripe-Signature",
        ) from error
    async with context.begin() as session:
        await store_stripe_event(session, event, context.clock())
    return Received()
