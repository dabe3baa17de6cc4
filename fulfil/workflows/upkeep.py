"""The upkeep: what has to be done now and then and belongs to no order."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from fulfil.models.messages.parties import WaitingOn
    from fulfil.models.messages.upkeep import EndExpiredLeases, RefreshScores, StartUpkeep, UpkeepReport
    from fulfil.workflows.policies import UPKEEP
    from fulfil.workflows.ports.upkeep import UpkeepActivities
    from fulfil.workflows.steps import say


@workflow.defn(name="Upkeep")
class UpkeepWorkflow:
    """One round of upkeep, started by the schedule `providers/upkeep`.

    Updates, signals and queries: none; its result says what was done. Both steps can be run again from their
    beginning, so a failing one is retried until it succeeds; the schedule starts no second round meanwhile.
    """

    @workflow.run
    async def run(self, start: StartUpkeep) -> UpkeepReport:
        """End the reservations whose time is over, then score every provider."""
        del start
        at = workflow.now()
        say("Ending reservations whose time is over", WaitingOn.SYSTEM)
        leases = await workflow.execute_activity_method(
            UpkeepActivities.end_expired_leases, EndExpiredLeases(at=at), **UPKEEP
        )
        say("Scoring providers by their last days", WaitingOn.SYSTEM)
        scores = await workflow.execute_activity_method(UpkeepActivities.refresh_scores, RefreshScores(at=at), **UPKEEP)
        say(f"Done: {leases.ended} reservations ended, {scores.changed} scores changed", WaitingOn.NOBODY)
        return UpkeepReport(leases_ended=leases.ended, providers_scored=scores.providers, scores_changed=scores.changed)
