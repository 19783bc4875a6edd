"""What a person reads at the end: the table by step, what else was done, what was found, and the figures."""

from __future__ import annotations

from bench.fault_kit import steps
from bench.fault_kit.campaign import LEAST_HITS, Campaign
from bench.fault_kit.reckoning import Reckoning
from bench.fault_kit.tally import goals
from bench.figures import Figure
from scripts.machine import say

_MOST_FINDINGS = 20


def show_steps(campaign: Campaign) -> None:
    """Print how often each step was reached."""
    say.heading("Steps")
    reached, missed = campaign.schedule.reached, campaign.schedule.missed
    width = max(len(step.name) for step in steps.STEPS)
    for step in steps.STEPS:
        late = f"  (armed {missed[step.name]} times in vain)" if missed[step.name] else ""
        say.line(f"  {step.name:<{width}}  {reached[step.name]:4d}{late}")


def show_tally(campaign: Campaign) -> None:
    """Print what else was done to the house."""
    tally = campaign.tally
    say.heading("What was done")
    for title, counted in (
        ("killed", dict(tally.kills)),
        ("between us and the node", dict(tally.troubles)),
        ("reorgs by depth", {str(depth): times for depth, times in sorted(tally.reorgs.items())}),
        ("purchases", tally.outcomes),
        ("broker", {**tally.counts, "FLUSHALL": tally.flushes}),
        ("ended by themselves", dict(tally.own_deaths)),
    ):
        words = ", ".join(f"{name} {times}" for name, times in sorted(counted.items())) or "none"
        say.line(f"  {title:<24} {words}")
    say.line(f"  {'webhooks delivered':<24} {tally.webhooks}, one of them {tally.most_copies} times")


def show_findings(found: Reckoning) -> None:
    """Print each check, and what it found."""
    say.heading("The reckoning")
    for check, findings in found.findings.items():
        say.line(f"  {'ok  ' if not findings else 'FAIL'}  {check}" + (f": {len(findings)}" if findings else ""))
        for finding in findings[:_MOST_FINDINGS]:
            say.line(f"          {finding}")
        if len(findings) > _MOST_FINDINGS:
            say.line(f"          and {len(findings) - _MOST_FINDINGS} more")
    median, most, longest = found.seconds_to_final
    say.note(
        f"{found.tokens} tokens; from paid to final: median {median:.0f} s, 99 % {most:.0f} s, longest {longest:.0f} s"
    )


def figures(campaign: Campaign, found: Reckoning, quiet: float | None, seconds: float) -> list[Figure]:
    """Return what was measured, each with its goal."""
    plan = campaign.plan
    least = LEAST_HITS if plan.every_step else 1
    often = sum(campaign.schedule.reached[step.name] >= least for step in steps.STEPS)
    wrong = {name: found.count(name) for name in ("lost", "duplicated", "oversold", "stuck")}
    others = sum(len(findings) for name, findings in found.findings.items() if name not in wrong)
    refunds, longest = f">= {plan.least_refunds}, each asked for", found.seconds_to_final[-1]
    together = found.batches_together
    goal = f">= {least} hits each" if plan.every_step else None
    return [
        Figure("purchases", found.purchases, "paid", None, f">= {plan.purchases}", found.purchases >= plan.purchases),
        *(
            Figure(goal.name, goal.times, goal.unit, None, f">= {goal.least}{goal.words}", goal.is_met)
            for goal in goals(plan, campaign.tally)
        ),
        Figure("steps", often, f"of {len(steps.STEPS)}", None, goal, not campaign.missing_steps()),
        *(Figure(name, times, "", None, "0", times == 0) for name, times in wrong.items()),
        Figure("other_differences", others, "", None, "0", others == 0),
        Figure("batches_together", together, "", None, f">= {plan.least_together}", together >= plan.least_together),
        Figure("refunded", found.refunded, "", None, refunds, found.refunded >= plan.least_refunds),
        Figure(
            "longest_to_final", longest, "s", None, f"< {plan.longest_to_final:.0f}", longest < plan.longest_to_final
        ),
        Figure(
            "seconds_until_quiet",
            plan.quiet_seconds if quiet is None else quiet,
            "s",
            None,
            f"< {plan.quiet_seconds:.0f}",
            quiet is not None,
        ),
        Figure("seconds", seconds, "s", None, None, met=True),
    ]
