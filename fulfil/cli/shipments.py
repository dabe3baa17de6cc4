"""`fulfil shipment …`: parcels and what carriers tell of them."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from fulfil.api.schemas.shipments import Label, Shipment, Shipments
from fulfil.cli.client import ApiClient
from fulfil.cli.connection import ActAs, ask
from fulfil.cli.rendering import show, show_json, show_table
from fulfil.cli.running import DataDir, Output, OutputFormat
from fulfil.models.messages.shipments import ShipmentState

app = typer.Typer(no_args_is_help=True, help="Parcels: where they are, and what carriers tell of them.")

ParcelId = Annotated[str, typer.Argument(metavar="SHIPMENT")]


@app.command("list")
def list_shipments(
    order_id: Annotated[str, typer.Argument(metavar="ORDER")],
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The parcels of an order."""

    async def question(api: ApiClient) -> list[Shipment]:
        return (await api.get(Shipments, f"/orders/{order_id}/shipments")).data

    found = ask(question, data_dir, act_as)
    if output is OutputFormat.JSON:
        show_json(found)
        return
    rows = [(each.id, each.state, each.pieces, each.carrier, each.tracking_number, each.job_id) for each in found]
    show_table(["shipment", "state", "pieces", "carrier", "number", "job"], rows, empty="No parcels.")


@app.command("show")
def show_one(
    shipment_id: ParcelId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """One parcel and its way."""

    async def question(api: ApiClient) -> Shipment:
        return await api.get(Shipment, f"/shipments/{shipment_id}")

    _show(ask(question, data_dir, act_as), output)


@app.command()
def label(
    shipment_id: ParcelId, data_dir: DataDir = None, act_as: ActAs = "", output: Output = OutputFormat.TABLE
) -> None:
    """What stands on its label; for its provider and for support."""

    async def question(api: ApiClient) -> Label:
        return await api.get(Label, f"/shipments/{shipment_id}/label")

    found = ask(question, data_dir, act_as)
    ends = {"from": found.sender, "to": found.recipient}
    facts: dict[str, object] = {
        "shipment": found.shipment_id,
        "reference": found.reference,
        **{
            end: ", ".join([at.name, *at.address_lines, f"{at.postal_code or ''} {at.city or ''}".strip()]).rstrip(", ")
            for end, at in ends.items()
            if at is not None
        },
        "mass": f"{found.mass_g} g",
        "pieces": found.pieces,
    }
    show(output, found, facts)


@app.command()
def event(
    shipment_id: ParcelId,
    kind: Annotated[ShipmentState, typer.Argument(help="What happened.")],
    location: Annotated[str, typer.Option(help="Where.")] = "",
    note: Annotated[str, typer.Option()] = "",
    event_id: Annotated[str, typer.Option(help="The carrier's id of it; repeated, it changes nothing.")] = "",
    data_dir: DataDir = None,
    act_as: ActAs = "",
    output: Output = OutputFormat.TABLE,
) -> None:
    """Tell what happened to a parcel."""
    body: dict[str, object] = {
        "event_id": event_id or str(uuid.uuid4()),
        "kind": kind,
        "at": datetime.now(UTC).isoformat(),
        "note": note,
    }
    if location:
        body["location"] = location

    async def question(api: ApiClient) -> Shipment:
        return await api.post(Shipment, f"/shipments/{shipment_id}/events", body)

    _show(ask(question, data_dir, act_as), output)


def _show(parcel: Shipment, output: OutputFormat) -> None:
    moves = {
        f"{move.at:%Y-%m-%d %H:%M}": f"{move.kind}{f', {move.location}' if move.location else ''}"
        for move in parcel.moves
    }
    facts: dict[str, object] = {
        "shipment": parcel.id,
        "job": parcel.job_id,
        "state": parcel.state,
        "pieces": parcel.pieces,
        "carrier": f"{parcel.carrier} {parcel.tracking_number}",
        **moves,
    }
    show(output, parcel, facts)
