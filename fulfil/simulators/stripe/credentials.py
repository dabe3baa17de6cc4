"""Who calls: the secret key, or a browser's publishable key."""

import base64
import binascii
import hmac
from dataclasses import dataclass

from fulfil.simulators.stripe.errors import StripeApiError

MISSING = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)
PUBLISHABLE = "This API call cannot be made with a publishable API key. Please use a secret API key."


@dataclass(frozen=True)
class Keys:
    """The two keys of the simulated account."""

    secret: str
    publishable: str

    def is_publishable(self, header: str | None, *, public: bool) -> bool:
        """Whether a browser calls; raises a 401 for a key that is missing, unknown or not enough."""
        key = _key(header)
        if not key:
            raise StripeApiError(401, MISSING)
        if hmac.compare_digest(key.encode(), self.secret.encode()):
            return False
        if not hmac.compare_digest(key.encode(), self.publishable.encode()):
            raise StripeApiError(401, f"Invalid API Key provided: {key[:8]}{'*' * 8}")
        if not public:
            raise StripeApiError(401, PUBLISHABLE, code="secret_key_required")
        return True


def _key(header: str | None) -> str:
    """The key of `Bearer KEY`, or the user of `Basic base64(KEY:)`."""
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
