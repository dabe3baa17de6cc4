"""One API call as an operation sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fulfil.simulators.stripe.parameters import Parameters


@dataclass(frozen=True)
class Upload:
    """A file of a multipart form."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Call:
    """`identity` is the id in the path, `base_url` the address a customer can open, `publishable` a browser's key.

    `ids` are all ids in the path by name, `uploads` the files of a multipart form by field.
    """

    parameters: Parameters
    identity: str
    base_url: str
    publishable: bool = False
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    uploads: Mapping[str, Upload] = field(default_factory=dict[str, Upload])
