"""03b: all its submissions are judged against a path that was traced once; without a microVM.

The kill matrix traces it anew, for a sample of them.
"""

from __future__ import annotations

from inspect import signature

import pytest
import yaml
from runs import REPO

from grader import answers
from grader.check import Verdict, verdict_of
from grader.errors import CheckFailed
from grader.evidence import Recording
from grader.evidence.calltrace import Entered
from grader.rubric import Lab
from grader.submission import Submission
from tests_lab import task_03b
from tests_lab.kernel.listed import Way
from tests_lab.kernel.path import HOOK

SUBMISSIONS = REPO / "submissions"
KILLS = yaml.safe_load((SUBMISSIONS / "broken" / "kill.yaml").read_text(encoding="utf-8"))
CHECKS = Lab(REPO / "tests_lab").checks["03b"]
# Linux 6.12, with rules at both hooks and fq_codel.
PASSED = """
udp_sendmsg ip_make_skb ip_setup_cork __ip_append_data sock_alloc_send_pskb alloc_skb_with_frags
__alloc_skb __build_skb_around skb_set_owner_w skb_put ip_generic_getfrag __ip_make_skb udp_send_skb
ip_send_skb __ip_local_out ip_send_check nf_hook_slow ipt_do_table nft_do_chain ip_output
nf_hook_slow ipt_do_table nft_do_chain ip_finish_output __ip_finish_output ip_finish_output2
neigh_resolve_output skb_push __dev_queue_xmit netdev_core_pick_tx sch_direct_xmit
validate_xmit_skb_list validate_xmit_skb netif_skb_features skb_network_protocol validate_xmit_xfrm
dev_hard_start_xmit veth_xmit
"""
DROPPED = """
udp_sendmsg ip_make_skb udp_send_skb ip_send_skb __ip_local_out ip_send_check nf_hook_slow
ipt_do_table nft_do_chain sk_skb_reason_drop skb_release_head_state skb_release_data skb_free_head
kfree_skbmem
"""
# What else that kernel has, of what these submissions name.
SYMBOLS = """
__br_forward __dev_forward_skb __netif_receive_skb_core __tcp_transmit_skb br_dev_queue_push_xmit
br_dev_xmit br_forward br_handle_frame_finish enqueue_to_backlog eth_header fq_codel_enqueue
ip6_finish_output ip6_output ip_forward ip_local_deliver ip_queue_xmit ip_rcv loopback_xmit netif_rx
nf_nat_inet_fn passthru_features_check skb_checksum_help skb_csum_hwoffload_help skb_ensure_writable
tcp_sendmsg tcp_write_xmit udp_rcv
"""


def recording(names: str) -> Recording:
    """A recording without returns; the hooks have their numbers."""
    hooks = iter((3, 4))
    entered = [
        Entered(name, 0, notes=[next(hooks)] if name == HOOK else []) for name in names.split()
    ]
    return Recording([], entered)


WAY = Way(recording(PASSED), recording(DROPPED), set(SYMBOLS.split()))


def judged(folder: str, told: dict[str, str] | None = None) -> dict[str, str]:
    """The verdicts on a submission, as the plugin would give them; `told` gets what is said."""
    found: dict[str, str] = {}
    for one in CHECKS:
        if any(found[need] != Verdict.PASSED for need in one.needs):
            found[one.id] = Verdict.SKIPPED
            continue
        try:
            deliverable = Submission("x", SUBMISSIONS / folder).read("answers.yaml")
            given = {
                "way": WAY,
                "deliverable": deliverable,
                "answered": answers.read(deliverable, "03b", task_03b.Answers),
            }
            one.function(**{name: given[name] for name in signature(one.function).parameters})
            found[one.id] = Verdict.PASSED
        except CheckFailed as error:
            found[one.id] = verdict_of(error)
            if told is not None:
                told[one.id] = f"{error.message}\n{error.hint}"
    return found


def folders(kind: str) -> list[str]:
    """The submissions that are about this task."""
    return sorted(f"{kind}/{path.name}" for path in (SUBMISSIONS / kind).glob("03b-*"))


@pytest.mark.parametrize("folder", ["reference", *folders("variants")])
def test_a_right_path_passes(folder: str) -> None:
    """Other kernels', other hardware's and other people's ways to write it are right."""
    assert set(judged(folder).values()) == {Verdict.PASSED, Verdict.REVIEW}


@pytest.mark.parametrize("folder", folders("broken"))
def test_a_wrong_one_fails_what_it_names(folder: str) -> None:
    """Each wrong answer fails exactly the check that kill.yaml names, and is told its facts."""
    expected = KILLS[folder.removeprefix("broken/")]
    told: dict[str, str] = {}
    lost = {
        id_: verdict
        for id_, verdict in judged(folder, told).items()
        if verdict not in {Verdict.PASSED, Verdict.SKIPPED, Verdict.REVIEW}
    }
    assert lost == {expected["fails"]: expected.get("verdict", "FAILED")}
    words = told[expected["fails"]]
    assert not [fact for fact in expected["says"] if fact not in words], words
