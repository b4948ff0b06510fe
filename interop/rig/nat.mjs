// RFC 4787 §4.1, §5: how a Linux router is made to behave like each kind of NAT.
//
//   kind      mapping               filtering                  what leaves
//   full      endpoint-independent  endpoint-independent       everything
//   addr      endpoint-independent  address-dependent          everything
//   port      endpoint-independent  address and port-dependent everything
//   sym       a random port for each remote address and port, which alone may answer
//   udpblock  like port             like port                  no UDP
//   tls443    like port             like port                  TCP to port 443
//
// Linux keeps the source port as long as it is free, which makes the mapping endpoint-independent,
// and lets in only what answers, which makes the filtering address and port-dependent. That holds
// while whatever comes unasked is dropped: were it accepted or refused by the router itself, the
// kernel would remember it as a flow, and the next flow from inside would get another port.

/** Interface `lan` leads to `host`, interface `wan` has the address `address`. */
export function rules(kind, { address, host }) {
  const { mapping, inwards = '', outwards = '', leaving = '' } = KINDS[kind];
  const fill = (rule) => rule.replaceAll('HOST', host).replaceAll('ADDRESS', address);
  return `
    flush ruleset
    table ip nat {
      set asked { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 60s; size 4096; }
      chain inwards { type nat hook prerouting priority dstnat; ${fill(inwards)} }
      chain outwards { type nat hook postrouting priority srcnat; oifname wan ${fill(mapping)}; }
      chain passing { type filter hook forward priority -10; ${fill(outwards)} }
    }
    table ip filter {
      chain forward {
        type filter hook forward priority filter; policy drop;
        ${leaving}
        ct state established, related accept
        iifname lan accept
        ct status dnat accept
      }
      chain input { type filter hook input priority filter; policy drop; iifname lan accept; }
    }
  `;
}

const SAME_PORT = 'snat to ADDRESS';
const FROM_OUTSIDE = 'iifname wan meta l4proto udp ip daddr ADDRESS';
const NO_UDP = 'iifname lan meta l4proto udp drop';

const KINDS = {
  full: { mapping: SAME_PORT, inwards: `${FROM_OUTSIDE} udp dport 1024-65535 dnat to HOST;` },
  addr: {
    mapping: SAME_PORT,
    inwards: `${FROM_OUTSIDE} ip saddr . udp dport @asked dnat to HOST;`,
    outwards: 'iifname lan meta l4proto udp update @asked { ip daddr . udp sport };',
  },
  port: { mapping: SAME_PORT },
  sym: { mapping: 'masquerade fully-random' },
  udpblock: { mapping: SAME_PORT, leaving: NO_UDP },
  tls443: { mapping: SAME_PORT, leaving: `${NO_UDP}; iifname lan tcp dport != 443 drop` },
};
