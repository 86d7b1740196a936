#!/bin/bash
exec perl -x "$0" "$@"
#!/usr/bin/perl
use strict; use warnings;
my $if = shift or die "usage: $0 IFACE\n";
my @hosts = map { /^(\d+(?:\.\d+){3})\s/ ? $1 : () } `arp-scan -l -I $if`;
my %child;
for my $h (@hosts) {
    my $pid = fork // die;
    if (!$pid) { open STDOUT, '>', '/dev/null'; exec qw(ping -c 2 -W 1), $h; }
    $child{$pid} = $h;
}
while ((my $pid = wait) > 0) { print "$child{$pid}\n" if $?; }
__END__
