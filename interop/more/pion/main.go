// Two pion peers in one process, relay only, echo a message over a data channel.
//
// Reads {"iceServers": [...], "bytes": N} from stdin and writes {"intact": true} when what came back
// is what went out.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pion/webrtc"
)

type order struct {
	ICEServers []webrtc.ICEServer `json:"iceServers"`
	Bytes      int                `json:"bytes"`
}

func main() {
	var wish order
	check(json.NewDecoder(os.Stdin).Decode(&wish))
	configuration := webrtc.Configuration{
		ICEServers:         wish.ICEServers,
		ICETransportPolicy: webrtc.ICETransportPolicyRelay,
	}
	caller, err := webrtc.NewPeerConnection(configuration)
	check(err)
	callee, err := webrtc.NewPeerConnection(configuration)
	check(err)

	callee.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			check(channel.Send(message.Data))
		})
	})
	sent := make([]byte, wish.Bytes)
	for at := range sent {
		sent[at] = byte(at % 251)
	}
	channel, err := caller.CreateDataChannel("echo", nil)
	check(err)
	echoed := make(chan []byte)
	channel.OnOpen(func() { check(channel.Send(sent)) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) { echoed <- message.Data })

	offer, err := caller.CreateOffer(nil)
	check(err)
	describe(caller, offer, callee)
	answer, err := callee.CreateAnswer(nil)
	check(err)
	describe(callee, answer, caller)
	fmt.Printf("{\"intact\": %t}\n", bytes.Equal(sent, <-echoed))
}

// describe tells other the description of one once all its candidates are in it.
func describe(one *webrtc.PeerConnection, description webrtc.SessionDescription, other *webrtc.PeerConnection) {
	gathered := webrtc.GatheringCompletePromise(one)
	check(one.SetLocalDescription(description))
	<-gathered
	check(other.SetRemoteDescription(*one.LocalDescription()))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
