"""Two aiortc peers in one process, relay only, echo a message over a data channel.

Reads {"iceServers": [...], "bytes": N} from stdin, as GET /v1/ice-servers answers it, and writes
one line of JSON: the types of the selected pair's candidates, and how much came back.
"""

import asyncio
import json
import sys

from aiortc import (
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
)

CONNECT_S = 30
ECHO_S = 20


def configuration(ice_servers):
    servers = [
        RTCIceServer(
            urls=server["urls"],
            username=server.get("username"),
            credential=server.get("credential"),
        )
        for server in ice_servers
    ]
    return RTCConfiguration(
        iceServers=servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY
    )


def selected_pair(peer):
    """aiortc shows no candidate pair in its statistics; its ICE library knows it."""
    pair = peer.sctp.transport.transport._connection._nominated[1]
    return {
        "local": pair.local_candidate.type,
        "remote": pair.remote_candidate.type,
        "relayed": pair.local_candidate.host,
    }


async def negotiate(caller, callee):
    # setLocalDescription ends when gathering has ended, so the candidates are in the SDP.
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)


async def main():
    order = json.load(sys.stdin)
    caller = RTCPeerConnection(configuration(order["iceServers"]))
    callee = RTCPeerConnection(configuration(order["iceServers"]))
    channel = caller.createDataChannel("echo")
    opened, echoed = asyncio.Event(), asyncio.get_running_loop().create_future()
    channel.on("open", opened.set)
    channel.on("message", lambda message: echoed.set_result(message))

    @callee.on("datachannel")
    def answer(incoming):
        incoming.on("message", incoming.send)

    try:
        await negotiate(caller, callee)
        await asyncio.wait_for(opened.wait(), CONNECT_S)
        sent = bytes(number % 251 for number in range(order["bytes"]))
        channel.send(sent)
        received = await asyncio.wait_for(echoed, ECHO_S)
        result = {"intact": received == sent, "bytes": len(received)}
        result["caller"] = selected_pair(caller)
        result["callee"] = selected_pair(callee)
        print(json.dumps(result))
    finally:
        await asyncio.gather(caller.close(), callee.close())


asyncio.run(main())
