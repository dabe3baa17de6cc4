"""`fulfil document …`: list the documents of an order, show one, download its page."""

from pathlib import Path
from typing import Annotated

import typer

from fulfil.api.schemas.documents import Document, DocumentDetail, Documents
from fulfil.cli.client import PREFIX, ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.exits import CommandError
from fulfil.cli.orders import OrderId
from fulfil.cli.rendering import console, show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.money import format_money

app = typer.Typer(no_args_is_help=True, help="Invoices, receipts, credit notes, statements: list, show, download.")

DocumentId = Annotated[str, typer.Argument(metavar="DOCUMENT")]


@app.command("list")
def list_documents(
    order_id: OrderId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """The documents of an order that are yours, oldest first."""

    async def question(api: ApiClient) -> list[Document]:
        return (await api.get(Documents, f"/orders/{order_id}/documents")).data

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [(each.id, each.number, each.kind, _total(each), each.refers_to, each.issued_at) for each in found]
    show_table(["document", "number", "kind", "total", "corrects", "issued"], rows, empty="No documents.")


@app.command("show")
def show_document(
    document_id: DocumentId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What a document says."""

    async def question(api: ApiClient) -> DocumentDetail:
        return await api.get(DocumentDetail, f"/documents/{document_id}")

    found = ask(question, data_dir, act_as)
    content = found.content
    facts: dict[str, object] = {
        "document": found.id,
        "number": found.number,
        "kind": found.kind,
        "corrects": found.refers_to,
        "order": found.order_id,
        "from": content.seller.name,
        "to": content.buyer.name,
        "total": _total(found),
        "tax": format_money(sum(tax.tax_minor for tax in content.taxes), content.currency),
        "paid by": content.payment.method if content.payment else None,
        "issued": found.issued_at,
        "notes": " ".join(content.notes) or None,
        "SHA-256": found.sha256,
    }
    show(output, found, facts)
    if output is not OutputFormat.JSON:
        rows = [
            (line.quantity, line.unit, line.description, format_money(line.amount_minor, content.currency))
            for line in content.lines
        ]
        show_table(["quantity", "unit", "description", "gross"], rows, empty="No lines.")


@app.command("download")
def download_document(
    document_id: DocumentId,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Where to write the PDF; by its number, here, unless given.")
    ] = None,
    data_dir: DataDir = None,
    act_as: ActAs = "",
) -> None:
    """Download a document as PDF."""

    async def question(api: ApiClient) -> tuple[Document, bytes]:
        document = await api.get(Document, f"/documents/{document_id}")
        return document, await api.download(document.pdf.removeprefix(PREFIX))

    document, pdf = ask(question, data_dir, act_as)
    path = file or Path(f"{document.number}.pdf")
    try:
        path.write_bytes(pdf)
    except OSError as error:
        raise CommandError(f"{path} can't be written: {error.strerror}.") from error
    console().print(f"{document.number} is in {path} ({len(pdf):,} bytes).", soft_wrap=True)


def _total(document: Document) -> str:
    return format_money(document.total.amount_minor, document.total.currency)
