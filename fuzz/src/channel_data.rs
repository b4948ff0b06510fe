//! RFC 8656 §12.4 and Table 3: one datagram as ChannelData.

use kopru_stun::channel_data::{CHANNEL_HEADER_LEN, ChannelHeader, ChannelRange};
use kopru_stun::demux::{Protocol, classify};

/// Holds what the first byte says against what the header says, for both ranges of numbers.
pub fn channel_data(datagram: &[u8]) {
    let Some(&first_byte) = datagram.first() else {
        assert!(ChannelHeader::read(datagram, ChannelRange::Rfc8656).is_err());
        return;
    };
    for range in [ChannelRange::Rfc8656, ChannelRange::Rfc5766] {
        let protocol = classify(first_byte, range);
        let Ok(header) = ChannelHeader::read(datagram, range) else { continue };
        assert_eq!(protocol, Protocol::ChannelData, "a header is only where demux sees one");
        assert!(header.channel.is_allowed(range));
        assert_eq!(&header.to_bytes()[..], &datagram[..CHANNEL_HEADER_LEN]);
        let data = header.data_range();
        assert_eq!((data.start, data.len()), (CHANNEL_HEADER_LEN, header.len.into()));
        assert!(datagram.get(data).is_some(), "nothing behind the datagram is data");
    }
}
