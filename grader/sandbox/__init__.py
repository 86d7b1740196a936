"""Where one deliverable's processes live: disposable, limited, without a way out."""

from grader.sandbox.kinds import AUTO, KINDS, OFFERS, cheapest
from grader.sandbox.limits import Limits
from grader.sandbox.sandbox import Sandbox

__all__ = ["AUTO", "KINDS", "OFFERS", "Limits", "Sandbox", "cheapest"]
