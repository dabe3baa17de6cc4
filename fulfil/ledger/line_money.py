"""The money of an order's lines, part by part: what each job is paid of its line, and how an amount is taken of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fulfil.models.messages.refunds import RefundAllocation


@dataclass(frozen=True)
class LineMoney:
    """What no refund or lost chargeback has taken of one part of a line, or of the shipping (`line_id` None).

    A part is what one job is paid for. `job_id` is None for what no job earns: a line that has none yet, one whose
    job ended without being made, a milestone that was called off.

    `released_minor` is `provider_share_minor` and `commission_minor`, which includes `commission_tax_minor`. Only
    multiples of `step_minor` can be asked back of a transfer, or refunded.
    """

    line_id: str | None
    held_minor: int
    released_minor: int = 0
    provider_share_minor: int = 0
    commission_minor: int = 0
    commission_tax_minor: int = 0
    job_id: str | None = None
    provider_id: str | None = None
    step_minor: int = 1

    @property
    def left_minor(self) -> int:
        """What can still be paid back of the part."""
        return self.held_minor + self.released_minor

    def less(self, taken: RefundAllocation) -> "LineMoney":
        """What is left after a refund."""
        return replace(
            self,
            held_minor=self.held_minor - taken.held_minor,
            released_minor=self.released_minor - taken.released_minor,
            provider_share_minor=self.provider_share_minor - taken.provider_share_minor,
            commission_minor=self.commission_minor - taken.commission_minor,
            commission_tax_minor=self.commission_tax_minor - taken.commission_tax_minor,
        )


def by_line(parts: Iterable[LineMoney]) -> dict[str | None, list[LineMoney]]:
    """The parts of each line, in their order."""
    lines: dict[str | None, list[LineMoney]] = {}
    for part in parts:
        lines.setdefault(part.line_id, []).append(part)
    return lines


def left_of(parts: Iterable[LineMoney]) -> int:
    """What can still be paid back of some parts together."""
    return sum(part.left_minor for part in parts)


def take(part: LineMoney, amount_minor: int) -> RefundAllocation:
    """Take an amount of a part: what is held first, then what was released, pro rata of its shares, to the cent.

    The provider gives whole steps, which her transfer can be reversed by. The last cent taken of a part takes the last
    cent of every share, whatever was rounded before.
    """
    held = min(part.held_minor, amount_minor)
    released = amount_minor - held
    if released > part.released_minor:
        raise ValueError(f"{amount_minor} of {part.left_minor}")
    provider_share = _provider_share(part, released)
    commission = released - provider_share
    return RefundAllocation(
        line_id=part.line_id,
        held_minor=held,
        released_minor=released,
        provider_share_minor=provider_share,
        commission_minor=commission,
        commission_tax_minor=_share(part.commission_tax_minor, commission, part.commission_minor),
        job_id=part.job_id,
        provider_id=part.provider_id if released else None,
    )


def take_of_line(parts: Sequence[LineMoney], amount_minor: int) -> tuple[RefundAllocation, ...]:
    """Take an amount of a line: of what is held of its parts, the last first; then of what was released, pro rata.

    So the milestone that is furthest away pays first, and what is done is touched last.
    """
    held, left = [0] * len(parts), amount_minor
    for i in reversed(range(len(parts))):
        held[i] = min(max(parts[i].held_minor, 0), left)
        left -= held[i]
    weights = [part.released_minor for part in parts]
    if left > sum(weights):
        raise ValueError(f"{amount_minor} of {left_of(parts)}")
    released = spread(left, weights, max((part.step_minor for part in parts), default=1))
    return tuple(
        take(replace(part, held_minor=of_held), of_held + of_released)
        for part, of_held, of_released in zip(parts, held, released, strict=True)
        if of_held or of_released
    )


def less_taken(parts: Sequence[LineMoney], taken: Iterable[RefundAllocation]) -> list[LineMoney]:
    """What is left of a line's parts.

    What was taken of a job that is none of the parts any more, or is more than its part holds since milestones were
    planned anew, is taken of the others that are held, the last first. What a settled one still holds goes before all
    others: it was taken when that one was settled.
    """
    left = {part.job_id: part for part in parts}
    loose = 0
    for allocation in taken:
        if allocation.job_id in left or len(parts) == 1:
            name = allocation.job_id if allocation.job_id in left else parts[0].job_id
            left[name] = left[name].less(allocation)
        else:
            loose += allocation.held_minor
    found = list(left.values())
    if len(found) > 1:
        loose += sum(max(-part.held_minor, 0) for part in found)
        found = [replace(part, held_minor=max(part.held_minor, 0)) for part in found]
    for i in sorted(range(len(found)), key=lambda i: (found[i].provider_id is None, -i)):
        share = min(found[i].held_minor, loose)
        found[i], loose = replace(found[i], held_minor=found[i].held_minor - share), loose - share
    return found


def spread(amount: int, weights: Sequence[int], step: int = 1) -> list[int]:
    """Split an amount in proportion to the weights, exactly: what rounding leaves goes to the largest remainders.

    No share exceeds its weight as long as the amount does not exceed their sum. Shares are whole steps, if whole steps
    of the weights can make up the amount.
    """
    if amount % step or amount // step > sum(weight // step for weight in weights):
        step = 1
    wanted, parts = amount // step, [weight // step for weight in weights]
    total = sum(parts)
    if total == 0:
        return [0 for _ in parts]
    shares = [wanted * part // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(wanted * parts[i] % total), i))
    for i in by_remainder[: wanted - sum(shares)]:
        shares[i] += 1
    return [share * step for share in shares]


def spread_over_lines(lines: Mapping[str | None, Sequence[LineMoney]], amount: int) -> dict[str | None, int]:
    """An amount in proportion to what is left of each line, in whole steps where the lines' money comes in such."""
    step = max((part.step_minor for parts in lines.values() for part in parts), default=1)
    shares = spread(amount, [left_of(parts) for parts in lines.values()], step)
    return dict(zip(lines, shares, strict=True))


def _provider_share(part: LineMoney, taken: int) -> int:
    """Her part of what is taken of the released money: pro rata to the nearest step, half a step to the commission."""
    if taken == part.released_minor:
        return part.provider_share_minor
    step, whole = part.step_minor, part.released_minor
    steps = -((whole * step - 2 * part.provider_share_minor * taken) // (2 * whole * step))
    # The commission can't give more than it has left, nor she.
    least = max(taken - part.commission_minor, 0)
    return min(max(steps * step, least), taken, part.provider_share_minor)


def _share(part: int, taken: int, whole: int) -> int:
    """`part * taken / whole`, rounded half up; never more than `part`."""
    return (2 * part * taken + whole) // (2 * whole) if whole else 0
