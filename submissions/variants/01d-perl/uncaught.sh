#!/bin/bash
# Perl, without a module: a frame of type 0x88b6, out of the interface with eth0's index.
perl -e '
    open my $f, "<", "/sys/class/net/$ENV{IFACE}/ifindex" or die; chomp(my $index = <$f>);
    socket(my $link, 17, 3, 0) or die "socket: $!";    # AF_PACKET, SOCK_RAW
    my $to = pack("S n i S C C a8", 17, 0x88b6, $index, 0, 0, 6, "\xff" x 6);
    send($link, "\xff" x 6 . "\x02\0\0\0\0\x01" . "\x88\xb6" . "frame" x 10, 0, $to) or die "send: $!";
'
