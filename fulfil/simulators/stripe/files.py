"""Uploaded files: evidence for disputes and other documents, within Stripe's limits."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fulfil.simulators.stripe.calls import Call
from fulfil.simulators.stripe.credentials import Keys
from fulfil.simulators.stripe.errors import StripeApiError, invalid_parameter, missing_parameter, missing_resource
from fulfil.simulators.stripe.money_objects import File
from fulfil.simulators.stripe.objects import new_id
from fulfil.simulators.stripe.store import Store
from fulfil.simulators.stripe.transaction import Transaction

MB = 1024 * 1024
# What each purpose takes at most, in bytes.
PURPOSES = {
    "account_requirement": 10 * MB,
    "additional_verification": 10 * MB,
    "business_icon": 512 * 1024,
    "business_logo": 512 * 1024,
    "customer_signature": 4 * MB,
    "dispute_evidence": 5 * MB,
    "identity_document": 16 * MB,
    "issuing_regulatory_reporting": 16 * MB,
    "pci_document": 16 * MB,
    "platform_terms_of_service": 10 * MB,
    "tax_document_user_upload": 16 * MB,
    "terminal_reader_splashscreen": 2 * MB,
}
SIGNATURES = {b"%PDF-": "pdf", b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg"}
TYPES = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg"}
# How long a file is kept after its upload.
LIFE_S = 296 * 86_400


def create_file(tx: Transaction, call: Call) -> Mapping[str, object]:
    """`POST /v1/files`, as `multipart/form-data` with `purpose` and `file`."""
    purpose = call.parameters.required_text("purpose")
    if purpose not in PURPOSES:
        raise invalid_parameter("purpose", f"Invalid purpose: must be one of {', '.join(PURPOSES)}")
    upload = call.uploads.get("file")
    if upload is None:
        raise missing_parameter("file")
    content = upload.content
    kind = next((name for start, name in SIGNATURES.items() if content.startswith(start)), None)
    if kind is None:
        raise invalid_parameter("file", "Invalid file: only PDF, JPEG and PNG files are accepted.", "invalid_file_type")
    if len(content) > PURPOSES[purpose]:
        message = f"File for key file exceeded maximum allowed bytes: {PURPOSES[purpose]}."
        raise invalid_parameter("file", message, "file_too_large")
    identity = new_id("file")
    file: File = {
        "id": identity,
        "object": "file",
        "created": tx.created,
        "expires_at": tx.created + LIFE_S,
        "filename": upload.filename,
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={identity}"},
        "purpose": purpose,
        "size": len(content),
        "title": None,
        "type": kind,
        "url": f"{call.base_url}/v1/files/{identity}/contents",
    }
    tx.insert(file)
    tx.connection.execute("INSERT INTO contents VALUES (?, ?)", (identity, content))
    tx.record("file.created", file)
    return file


class FileContents:
    """`GET /v1/files/{id}/contents`: the bytes, for the secret key."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store = store
        self._keys = keys

    async def serve(self, request: Request) -> Response:
        """Answer the file, as it was uploaded."""
        identity = str(request.path_params["id"])
        try:
            self._keys.is_publishable(request.headers.get("authorization"), public=False)
            with self._store.transaction(request.headers.get("stripe-account", "")) as tx:
                file = tx.find("file", identity)
                if file is None:
                    raise missing_resource("file", identity, param="file")
                query = "SELECT content FROM contents WHERE file = ?"
                content = bytes(tx.connection.execute(query, (identity,)).fetchone()[0])
        except StripeApiError as error:
            return JSONResponse(error.body, error.status)
        return Response(content, media_type=TYPES[str(file["type"])])
