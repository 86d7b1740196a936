"""The names that answers to closed questions have, with what else they are called."""

from grader.facts import Choice

PROTOCOLS = Choice(
    {
        "UDP": ["User Datagram Protocol", "UDPv4", "UDP4"],
        "TCP": ["Transmission Control Protocol", "SYN"],
        "ICMP": [
            "ICMP echo", "ICMP echo request", "echo", "echo request", "ping",
            "Internet Control Message Protocol", "ICMP ping", "ICMPv4", "ICMP type 8",
        ],
        "ICMP echo reply": ["echo reply", "ICMP reply", "pong"],
        "ICMP timestamp": ["timestamp", "ICMP timestamp request"],
        "ICMP time exceeded": ["time exceeded", "TTL exceeded"],
        "SCTP": [],
        "ARP": [],
    }
)  # fmt: skip
# RFC 792; the names of codes are Wireshark's, tcpdump's and the RFC's.
ARRIVALS = Choice(
    {
        "destination port unreachable": [
            "port unreachable", "destination unreachable", "dest unreachable", "unreachable",
            "udp port unreachable", "type 3", "type 3 code 3", "type 3 code 3 port unreachable",
            "ICMP 3/3", "port unreach", "unreach port", "dst unreachable", "dest unreach",
        ],
        "destination host or network unreachable": [
            "host unreachable", "net unreachable", "network unreachable", "protocol unreachable",
            "host unreach", "net unreach",
            "destination host unreachable", "destination net unreachable", "type 3 code 1",
            "destination network unreachable", "destination protocol unreachable",
        ],
        "time exceeded": ["TTL exceeded", "time to live exceeded", "type 11", "TTL expired"],
        "echo reply": ["ping reply", "type 0", "pong"],
        "echo request": ["ping", "type 8"],
        "TCP reset": ["RST", "reset"],
        "SYN/ACK": ["SYN ACK"],
    }
)  # fmt: skip
ORDERS = Choice(
    {
        "up": [
            "upward", "upwards", "ascending", "increasing", "increases", "increase", "increment",
            "incremented", "incrementing", "rising", "rises", "growing", "forward", "forwards",
            "low to high", "low high", "lowest first", "lowest to highest", "counts up",
            "counting up", "higher", "larger", "bigger",
        ],
        "down": [
            "downward", "downwards", "descending", "decreasing", "decreases", "decrease",
            "decrement", "decremented", "decrementing", "falling", "falls", "shrinking",
            "backward", "backwards", "reverse", "reversed", "lower", "smaller", "high to low",
            "high low", "highest first", "highest to lowest", "counts down", "counting down",
        ],
        "random": ["shuffled", "no order"],
    }
)  # fmt: skip
SOURCES = Choice(
    {
        "the scan": [
            "scan", "port scan", "scanned", "scan result", "from the scan", "found", "answered",
            "answers", "answering", "responded", "responding", "responds", "replied", "replying",
            "responsive", "unfiltered", "open", "closed", "reachable", "discovered",
        ],
        "counted up": [
            "33434", "increasing", "incremented", "increments", "counting", "increment",
            "port 33434", "counts up", "33434 and up",
        ],
        "random": ["arbitrary", "ephemeral", "randomly", "unlikely", "unused"],
        "fixed": ["constant", "always same", "default", "hard coded", "well known", "always 80"],
    }
)  # fmt: skip
# By kind, in order of https://www.iana.org/assignments/tcp-parameters; then what is no option.
OPTIONS = Choice(
    {
        "end of option list": ["kind 0", "EOL", "end of options", "end of options list", "EOOL"],
        "NOP": ["kind 1", "no operation", "noop", "no op", "padding"],
        "MSS": [
            "kind 2", "maximum segment size", "max segment size", "max seg size", "maximum segment",
        ],
        "window scale": [
            "kind 3", "WS", "WSopt", "wscale", "window scaling", "WSF", "window scale factor",
            "window scaling factor", "window shift",
        ],
        # RFC 2018 has two options; in a SYN only the first is allowed, and it is often called so.
        "SACK permitted": [
            "kind 4", "SACK", "SACK perm", "SACK ok", "SACK allowed", "SACK enabled",
            "selective acknowledgment", "selective acknowledgement", "selective ACK",
            "selective acknowledgment permitted", "selective acknowledgement permitted",
            "selective acknowledgments permitted", "selective acknowledgements permitted",
            "selective ACK permitted", "selective ACKs permitted",
        ],
        "timestamps": [
            "kind 8", "timestamp", "TS", "TSopt", "TS val", "TS ecr", "TSval TSecr",
            "timestamp value", "timestamp echo reply", "TCP timestamp", "RTTM",
        ],
        "MD5 signature": ["MD5", "TCP MD5"],
        "user timeout": ["UTO"],
        "authentication": ["TCP AO", "AO"],
        "multipath TCP": ["MPTCP", "multipath", "MP capable"],
        "fast open cookie": ["TFO", "fast open", "TCP fast open", "FOC"],
        "explicit congestion notification": ["ECN", "ECE", "CWR"],
        "window size": ["window", "win", "receive window"],
        "sequence number": ["seq", "ISN"],
        "acknowledgment number": ["ack number", "acknowledgement number"],
        "checksum": [],
        "urgent pointer": ["urg"],
        "ports": ["port", "source port", "destination port"],
        "header length": ["data offset"],
        "MTU": [],
        "TTL": ["time to live"],
    }
)  # fmt: skip
