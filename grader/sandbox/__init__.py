"""Where one deliverable's processes live: disposable, limited, without a way out."""

from grader.sandbox.limits import Limits
from grader.sandbox.netns import NetnsSandbox

__all__ = ["Limits", "NetnsSandbox"]
