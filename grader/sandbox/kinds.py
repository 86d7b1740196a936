"""Which sandbox can observe what, the cheapest first."""

from __future__ import annotations

from grader.errors import Unsupported

AUTO = "auto"
_ON_THIS_KERNEL = frozenset({"packets", "counters", "figures"})
_ON_ITS_OWN = _ON_THIS_KERNEL | {"kernel_log", "kernel_tracing", "sysctls"}
# What each kind offers to a check that requires it.
OFFERS = {"netns": _ON_THIS_KERNEL, "docker": _ON_THIS_KERNEL, "vm": _ON_ITS_OWN}
KINDS = (AUTO, *OFFERS)


def cheapest(
    requires: frozenset[str], wanted: str = AUTO, absent: frozenset[str] = frozenset()
) -> str:
    """The sandbox for what `requires`: the one that is `wanted`, or the cheapest that will do.

    Those `absent` here are only taken if they are wanted. Raises Unsupported if there is none.
    """
    taken = [kind for kind in OFFERS if kind not in absent] if wanted == AUTO else [wanted]
    for kind in taken:
        if requires <= OFFERS[kind]:
            return kind
    lacking = ", ".join(sorted(requires - OFFERS.get(wanted, frozenset())))
    able = [kind for kind, offers in OFFERS.items() if requires <= offers]
    raise Unsupported(
        f"needs a sandbox that offers {lacking}; {wanted} does not",
        remedy=f"grade with --sandbox={able[0]}" if able else "no sandbox offers it",
    )
