"""munet: two nodes on one network."""

import asyncio
import logging
import sys
import tempfile

from munet.base import BaseMunet

logging.disable(logging.CRITICAL)


async def serve():
    """Do what each line says."""
    net = None
    print("done", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line == "up\n":
            # pid=False: no process namespaces, which neither mininet nor our network has
            net = BaseMunet(name="bench", pid=False, rundir=tempfile.mkdtemp())
            a, b = net.add_host("a"), net.add_host("b")
            switch = net.add_switch("s")
            net.add_link(switch, a, "sa", "eth0")
            net.add_link(switch, b, "sb", "eth0")
            a.cmd_raises("ip addr add 10.0.0.1/24 dev eth0")
            b.cmd_raises("ip addr add 10.0.0.2/24 dev eth0")
        elif line == "check\n":
            a.cmd_raises("ping -c 1 -W 1 10.0.0.2")
        else:
            await net.async_delete()
        print("done", flush=True)


asyncio.run(serve())
