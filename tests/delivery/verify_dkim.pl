# What Mail::DKIM says of messages: a line a message, with each signature's selector and verdict.
# Usage: verify_dkim.pl ZONE MESSAGE...   where ZONE is a file of TXT records as a zone file has them.
use strict;
use warnings;
use Mail::DKIM::Verifier;
use Net::DNS;

my $zone = shift;
open my $lines, '<', $zone or die "$zone: $!";
my %records = map { (lc $_->owner) => $_ } map { Net::DNS::RR->new($_) } <$lines>;

package Zone {
    sub send {
        my (undef, $name) = @_;
        my $answer = Net::DNS::Packet->new($name, 'TXT');
        $answer->header->qr(1);
        $answer->push(answer => $records{lc $name}) if $records{lc $name};
        return $answer;
    }
    sub errorstring { 'NOERROR' }
}

Mail::DKIM::DNS::resolver(bless {}, 'Zone');
for my $path (@ARGV) {
    my $verifier = Mail::DKIM::Verifier->new;
    open my $message, '<:raw', $path or die "$path: $!";
    local $/;
    $verifier->PRINT(<$message>);
    $verifier->CLOSE;
    print join(' ', map { $_->selector . '=' . $_->result } $verifier->signatures), "\n";
}
