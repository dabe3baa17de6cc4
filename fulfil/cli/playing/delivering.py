"""What people do with deliverables: a provider shows and submits, a customer answers, either plans anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fulfil.api.schemas.base import Page
from fulfil.api.schemas.deliverables import Deliverable
from fulfil.api.schemas.offered_services import Service
from fulfil.cli.client import ApiClient

PAGE = 100


@dataclass(frozen=True)
class DeliveryParty:
    """Somebody who may see deliverables."""

    api: ApiClient

    async def services(self, provider_id: str | None = None, limit: int = PAGE) -> list[Service]:
        """The newest services she may see, of one provider or of all."""
        return (await self.api.get(Page[Service], "/services", provider_id=provider_id, limit=limit)).data

    async def service(self, service_id: str) -> Service:
        """One service."""
        return await self.api.get(Service, f"/services/{service_id}")

    async def deliverables(
        self, order_id: str | None = None, state: str | None = None, limit: int = PAGE
    ) -> list[Deliverable]:
        """The newest deliverables she may see."""
        found = await self.api.get(Page[Deliverable], "/deliverables", order_id=order_id, state=state, limit=limit)
        return found.data

    async def deliverable(self, deliverable_id: str) -> Deliverable:
        """A deliverable with what was submitted."""
        return await self.api.get(Deliverable, f"/deliverables/{deliverable_id}")

    async def propose_plan(
        self, deliverable_id: str, milestones: Sequence[Mapping[str, object]], note: str = "", key: str | None = None
    ) -> Deliverable:
        """Propose the open milestones anew."""
        return await self._act(deliverable_id, "plan", {"milestones": milestones, "note": note}, key)

    async def accept_plan(self, deliverable_id: str, proposal_id: str, key: str | None = None) -> Deliverable:
        """Agree to the other side's plan."""
        return await self._act(deliverable_id, "plan/accept", {"proposal_id": proposal_id}, key)

    async def decline_plan(
        self, deliverable_id: str, proposal_id: str, reason: str = "", key: str | None = None
    ) -> Deliverable:
        """Say no to the other side's plan."""
        return await self._act(deliverable_id, "plan/decline", {"proposal_id": proposal_id, "reason": reason}, key)

    async def withdraw_plan(self, deliverable_id: str, proposal_id: str, key: str | None = None) -> Deliverable:
        """Take one's own plan back."""
        return await self._act(deliverable_id, "plan/withdraw", {"proposal_id": proposal_id}, key)

    async def complete_deliverable(self, deliverable_id: str, key: str | None = None) -> Deliverable:
        """Say that all is done."""
        return await self._act(deliverable_id, "complete", {}, key)

    async def _act(self, deliverable_id: str, action: str, body: Mapping[str, object], key: str | None) -> Deliverable:
        return await self.api.post(Deliverable, f"/deliverables/{deliverable_id}/{action}", body, key=key)


class DeliveringProvider(DeliveryParty):
    """Offers services, works on milestones, submits them."""

    async def create_service(self, new: Mapping[str, object], key: str | None = None) -> Service:
        """Offer a service."""
        return await self.api.post(Service, "/services", new, key=key)

    async def draft_milestone(
        self, deliverable_id: str, milestone_id: str, note: str = "", files: Sequence[str] = (), key: str | None = None
    ) -> Deliverable:
        """Show a draft."""
        body = {"milestone_id": milestone_id, "note": note, "file_ids": files}
        return await self._act(deliverable_id, "draft", body, key)

    async def submit_milestone(
        self, deliverable_id: str, milestone_id: str, note: str = "", files: Sequence[str] = (), key: str | None = None
    ) -> Deliverable:
        """Submit a milestone, or its revision."""
        body = {"milestone_id": milestone_id, "note": note, "file_ids": files}
        return await self._act(deliverable_id, "submit", body, key)

    async def begin_revision(self, deliverable_id: str, revision_id: str, key: str | None = None) -> Deliverable:
        """Say that a revision is being worked on."""
        return await self._act(deliverable_id, f"revisions/{revision_id}/begin", {}, key)

    async def check_milestone(
        self, deliverable_id: str, milestone_id: str, failed: Sequence[str] = (), key: str | None = None
    ) -> Deliverable:
        """Answer the quality checklist; `failed` are the criteria that did not pass."""
        asked = (await self.deliverable(deliverable_id)).checklist or ["Complete"]
        names = [*asked, *(name for name in failed if name not in asked)]
        checks = [{"name": name, "passed": name not in failed} for name in names]
        return await self._act(deliverable_id, "checklist", {"milestone_id": milestone_id, "checks": checks}, key)

    async def report_milestone_progress(self, milestone_id: str, percent: int, note: str = "") -> Deliverable:
        """Say how far the work is."""
        path = f"/milestones/{milestone_id}/progress"
        return await self.api.put(Deliverable, path, {"percent": percent, "note": note})

    async def complete_milestone(self, milestone_id: str, note: str = "", key: str | None = None) -> Deliverable:
        """Submit a milestone without files."""
        return await self.api.post(Deliverable, f"/milestones/{milestone_id}/complete", {"note": note}, key=key)


class ReceivingCustomer(DeliveryParty):
    """Answers what was submitted."""

    async def request_revision(
        self,
        deliverable_id: str,
        text: str,
        milestone_id: str | None = None,
        due_at: str | None = None,
        key: str | None = None,
    ) -> Deliverable:
        """Ask for a change."""
        body = {"text": text, "milestone_id": milestone_id, "due_at": due_at}
        return await self._act(deliverable_id, "revisions", body, key)

    async def approve_milestone(self, deliverable_id: str, milestone_id: str | None = None) -> Deliverable:
        """Accept a milestone in review, or all that are."""
        path = f"/deliverables/{deliverable_id}/approve"
        return await self.api.put(Deliverable, path, {"milestone_id": milestone_id})

    async def reject_milestone(self, deliverable_id: str, reason: str, milestone_id: str | None = None) -> Deliverable:
        """Refuse what was submitted."""
        path = f"/deliverables/{deliverable_id}/reject"
        return await self.api.put(Deliverable, path, {"milestone_id": milestone_id, "reason": reason})

    async def give_feedback(
        self,
        deliverable_id: str,
        *,
        quality: int,
        communication: int,
        timeliness: int,
        comment: str = "",
        key: str | None = None,
    ) -> Deliverable:
        """Rate what was delivered."""
        stars = {"quality": quality, "communication": communication, "timeliness": timeliness}
        return await self._act(deliverable_id, "feedback", {**stars, "comment": comment}, key)
