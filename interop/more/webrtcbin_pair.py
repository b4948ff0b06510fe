"""Two GStreamer pipelines with a webrtcbin each, relay only, echo a message over a data channel.

Reads {"iceServers": [...], "bytes": N} from stdin and writes {"intact": true} when what came back
is what went out. The last server's first URL is used: webrtcbin takes one, written its own way.
"""

import json
import sys
from urllib.parse import quote

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")  # without it a description has no SDP in Python
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402, F401


def turn_server(server):
    """turn:host:port?transport=… as turn://user:password@host:port?transport=…"""
    url = server["urls"][0]
    scheme, rest = url.split(":", 1)
    user, password = (quote(server[key], safe="") for key in ("username", "credential"))
    return f"{scheme}://{user}:{password}@{rest}"


def peer(url):
    pipeline = Gst.Pipeline()
    webrtc = Gst.ElementFactory.make("webrtcbin")
    webrtc.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
    webrtc.set_property(
        "ice-transport-policy", GstWebRTC.WebRTCICETransportPolicy.RELAY
    )
    if not webrtc.emit("add-turn-server", url):
        sys.exit(f"webrtcbin does not take {url}")
    pipeline.add(webrtc)
    pipeline.set_state(Gst.State.PLAYING)
    return pipeline, webrtc


def describe(one, kind, other, then):
    """Makes the offer or answer of one, and tells it to both."""

    def made(promise):
        reply = promise.get_reply()  # owns the description
        description = reply.get_value(kind)
        one.emit("set-local-description", description, Gst.Promise.new())
        heard = Gst.Promise.new_with_change_func(lambda _: then())
        other.emit("set-remote-description", description, heard)

    promise = Gst.Promise.new_with_change_func(made)
    one.emit(f"create-{kind}", None, promise)


def trickle(one, other):
    def candidate(_, line, text):
        other.emit("add-ice-candidate", line, text)

    one.connect("on-ice-candidate", candidate)


def main():
    order = json.load(sys.stdin)
    Gst.init(None)
    loop = GLib.MainLoop()
    url = turn_server(order["iceServers"][-1])
    pipelines, (caller, callee) = zip(peer(url), peer(url))
    trickle(caller, callee)
    trickle(callee, caller)

    def answer(_, channel):
        channel.connect("on-message-data", lambda it, data: it.emit("send-data", data))

    sent = bytes(number % 251 for number in range(order["bytes"]))

    def received(_, data):
        print(json.dumps({"intact": data.get_data() == sent}))
        loop.quit()

    callee.connect("on-data-channel", answer)
    channel = caller.emit("create-data-channel", "echo", None)
    channel.connect("on-open", lambda it: it.emit("send-data", GLib.Bytes.new(sent)))
    channel.connect("on-message-data", received)
    describe(
        caller,
        "offer",
        callee,
        lambda: describe(callee, "answer", caller, lambda: None),
    )
    loop.run()
    for pipeline in pipelines:
        pipeline.set_state(Gst.State.NULL)


main()
