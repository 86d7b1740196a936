"""What fixtures send: real clients, real sockets, and packets made by scapy."""
