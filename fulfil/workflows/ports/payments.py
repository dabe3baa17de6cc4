"""What the workflows need from the payment provider and the ledger."""

from abc import ABC, abstractmethod

from temporalio import activity

from fulfil.models.messages.jobs import AcceptanceSecured, SecureAcceptance
from fulfil.models.messages.orders import OrderPlaced, StartOrder
from fulfil.models.messages.payments import (
    CapturePayment,
    ChargeSavedCard,
    ExpirePayment,
    JobSettlement,
    PaymentCapture,
    PaymentExpiry,
    PaymentReturn,
    ReturnLine,
    ReturnPayment,
    SavedCardCharge,
    SettleJob,
)


class PaymentActivities(ABC):
    """Runs on task queue `payments`; each is one effect at Stripe and one transaction, under one business key."""

    @activity.defn
    @abstractmethod
    async def place_order(self, request: StartOrder) -> OrderPlaced:
        """Check the quote, create the payment intent, write order, line and payment."""

    @activity.defn
    @abstractmethod
    async def charge_saved_card(self, request: ChargeSavedCard) -> SavedCardCharge:
        """Authorise the payment with a saved card, the customer not being there."""

    @activity.defn
    @abstractmethod
    async def capture_payment(self, request: CapturePayment) -> PaymentCapture:
        """Take the authorised amount before the bank lets it go."""

    @activity.defn
    @abstractmethod
    async def expire_payment(self, request: ExpirePayment) -> PaymentExpiry:
        """Cancel an unpaid payment intent, unless the customer has just paid."""

    @activity.defn
    @abstractmethod
    async def secure_acceptance(self, request: SecureAcceptance) -> AcceptanceSecured:
        """Reserve the material for the winner, close the other offers, capture the payment."""

    @activity.defn
    @abstractmethod
    async def return_payment(self, request: ReturnPayment) -> PaymentReturn:
        """Void what is not captured; start the refund of what is."""

    @activity.defn
    @abstractmethod
    async def return_line(self, request: ReturnLine) -> PaymentReturn:
        """Capture what is only authorised, then start the refund of what is held of one line."""

    @activity.defn
    @abstractmethod
    async def settle_job(self, request: SettleJob) -> JobSettlement:
        """Release the held money: commission, transfer; close job and order; tell the order workflow."""
