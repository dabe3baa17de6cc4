"""How a job looks on the command line."""

from fulfil.api.schemas.jobs import Job, Making, WorkFile
from fulfil.api.schemas.production import QualityCheck
from fulfil.api.schemas.shipments import Shipment
from fulfil.cli.rendering import show
from fulfil.cli.running import OutputFormat
from fulfil.cli.timeline import next_line


def show_job(job: Job, output: OutputFormat) -> None:
    """Everything known about it, a line each."""
    production = job.production
    facts: dict[str, object] = {
        "job": job.id,
        "order": job.order_id,
        "state": job.state,
        "work": f"{job.work.title}: {job.work.process} in {job.work.material}",
        **{f"file {number}": as_understood(file) for number, file in enumerate(job.work.files, start=1)},
        "provider": job.provider_name,
        "done": f"{production.percent} %{f' ({production.stage})' if production.stage else ''}" if production else None,
        "promised for": production.due_at if production else None,
        **(_facts_of_making(job.making) if job.making else {}),
        "trouble": f"{job.trouble.kind}: {', '.join(job.trouble.choices)}" if job.trouble else None,
        "new date": job.trouble.proposed_due_at if job.trouble else None,
        "choose until": job.trouble.answer_due_at if job.trouble else None,
        "next": next_line(job.next) if job.next else None,
        "you may": ", ".join(job.allowed_actions) or None,
    }
    show(output, job, facts)


def as_understood(file: WorkFile) -> str:
    """`2 x bracket.stl: 64 x 46 x 52 mm (in inch), 80 % infill, thin_wall accepted`."""
    size = " x ".join(f"{side:g}" for side in file.size_mm or ())
    operations = (file.operations or {}).items()
    told = (
        f"{size} mm (in {file.unit})" if size else "",
        f"{file.infill_percent} % infill" if file.infill_percent is not None else "",
        f"{file.thickness_mm:g} mm thick" if file.thickness_mm is not None else "",
        *(f"{key} {operation}" for key, operation in operations),
        *(f"{risk} accepted" for risk in file.accepted_risks),
    )
    return f"{file.quantity} x {file.name}: {', '.join(part for part in told if part)}".rstrip(": ")


def as_checked(check: QualityCheck) -> str:
    """`failed (Surface: scratched), rework`."""
    failed = [f"{each.title}{f': {each.note}' if each.note else ''}" for each in check.criteria if not each.passed]
    return "passed" if check.passed else f"failed ({', '.join(failed)}), {check.correction}"


def as_sent(parcel: Shipment) -> str:
    """`3 pieces, DHL 0034…: in_transit (shp_…)`."""
    return f"{parcel.pieces} pieces, {parcel.carrier} {parcel.tracking_number}: {parcel.state} ({parcel.id})"


def _facts_of_making(making: Making) -> dict[str, object]:
    asked = [f"{each.code}{'' if each.required else ' (optional)'}" for each in making.checklist]
    return {
        "probably ready": making.forecast_at,
        "checklist": ", ".join(asked),
        **{f"check {check.number}": as_checked(check) for check in reversed(making.checks)},
        **{f"parcel {number}": as_sent(parcel) for number, parcel in enumerate(making.shipments, start=1)},
        "pick up at": making.pickup.address if making.pickup else None,
        "pickup code": making.pickup.code if making.pickup else None,
    }
