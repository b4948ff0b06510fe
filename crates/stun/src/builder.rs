//! RFC 8489 §6.1: Forming a Request or an Indication;
//! RFC 8489 §6.3.1.1: Forming a Success or Error Response.

use crate::attribute::{
    ATTRIBUTE_HEADER_LEN, Attribute, AttributeType, Data, fingerprint, message_integrity,
    padding_len,
};
use crate::header::{HEADER_LEN, Header, TransactionId};
use crate::method::MessageType;

/// Writes a message into a given buffer, every byte of it, padding included.
///
/// A message that does not fit is none at all: [`finish`](Self::finish) then gives 0, so half a
/// message cannot leave.
///
/// ```
/// use kopru_stun::attribute::XorMappedAddress;
/// use kopru_stun::{Class, Message, MessageBuilder, MessageType, Method, TransactionId};
///
/// let mut buffer = [0; 64];
/// let success = MessageType::new(Method::BINDING, Class::Success);
/// let len = MessageBuilder::new(&mut buffer, success, TransactionId([7; 12]))
///     .add(&XorMappedAddress("192.0.2.1:32853".parse().unwrap()))
///     .add_fingerprint()
///     .finish();
/// assert_eq!(Message::parse(&buffer[..len]).unwrap().verify_fingerprint(), Some(true));
/// ```
#[derive(Debug)]
pub struct MessageBuilder<'b> {
    buffer: &'b mut [u8],
    header: Header,
    /// Bytes written; `None` when something did not fit.
    len: Option<usize>,
}

impl<'b> MessageBuilder<'b> {
    /// Starts a message of this type at the front of `buffer`.
    #[inline]
    pub fn new(
        buffer: &'b mut [u8],
        message_type: MessageType,
        transaction_id: TransactionId,
    ) -> Self {
        let header = Header { message_type, transaction_id };
        let front = buffer.first_chunk_mut::<HEADER_LEN>();
        let len = front.map(|front| {
            *front = header.to_bytes(0);
            HEADER_LEN
        });
        Self { buffer, header, len }
    }

    /// Appends an attribute and its padding.
    #[inline]
    pub fn add<'v, A: Attribute<'v>>(&mut self, attribute: &A) -> &mut Self {
        let transaction_id = self.header.transaction_id;
        self.append(A::TYPE, attribute.value_len(), |_, value| {
            attribute.encode(value, transaction_id);
        })
    }

    /// Appends MESSAGE-INTEGRITY (§14.5), made with a
    /// [`LongTermKey`](crate::credentials::LongTermKey) or a short-term password. Only
    /// MESSAGE-INTEGRITY-SHA256 and FINGERPRINT may follow.
    pub fn add_integrity(&mut self, key: &(impl AsRef<[u8]> + ?Sized)) -> &mut Self {
        let len = message_integrity::VALUE_LEN;
        self.append(AttributeType::MESSAGE_INTEGRITY, len, |covered, value| {
            value.copy_from_slice(&message_integrity::hmac(covered, key.as_ref()));
        })
    }

    /// Appends MESSAGE-INTEGRITY-SHA256 (§14.6), untruncated. Only FINGERPRINT may follow.
    pub fn add_integrity_sha256(&mut self, key: &(impl AsRef<[u8]> + ?Sized)) -> &mut Self {
        let len = message_integrity::SHA256_VALUE_LEN;
        self.append(AttributeType::MESSAGE_INTEGRITY_SHA256, len, |covered, value| {
            value.copy_from_slice(&message_integrity::hmac_sha256(covered, key.as_ref()));
        })
    }

    /// Appends FINGERPRINT (§14.7). Nothing may follow.
    pub fn add_fingerprint(&mut self) -> &mut Self {
        let len = fingerprint::VALUE_LEN;
        self.append(AttributeType::FINGERPRINT, len, |covered, value| {
            value.copy_from_slice(&fingerprint::fingerprint(covered));
        })
    }

    /// Length of the message in bytes; 0 when it did not fit.
    pub fn finish(&self) -> usize {
        self.len.unwrap_or(0)
    }

    /// Ends the message with the header of a DATA attribute, whose value of `data_len` bytes
    /// already lies behind what is written: so a datagram becomes a Data indication where it is.
    ///
    /// Gives the length of what was written; 0 when it did not fit. The data must be followed by
    /// [`padding_len`] zero bytes, which the message length counts.
    #[inline]
    pub fn finish_before_data(&mut self, data_len: u16) -> usize {
        self.len = self.open(Data::TYPE, data_len.into());
        self.finish()
    }

    /// Appends one attribute. `write` gets all bytes in front of it, with the length in the header
    /// as if the message ended after it, and the place of its value.
    #[inline]
    fn append(
        &mut self,
        attribute_type: AttributeType,
        value_len: usize,
        write: impl FnOnce(&[u8], &mut [u8]),
    ) -> &mut Self {
        let value_start = self.open(attribute_type, value_len);
        self.len = value_start.and_then(|start| {
            let (front, back) = self.buffer.split_at_mut_checked(start)?;
            let (value, back) = back.split_at_mut_checked(value_len)?;
            let padding = back.get_mut(..padding_len(value_len))?;
            padding.fill(0);
            write(front.get(..start - ATTRIBUTE_HEADER_LEN)?, value);
            Some(start + value_len + padding.len())
        });
        self
    }

    /// Writes the header of an attribute, and the header of the message as if it ended after it.
    /// Gives where the value begins; `None` when there is no room or no 16-bit length for it.
    #[inline]
    fn open(&mut self, attribute_type: AttributeType, value_len: usize) -> Option<usize> {
        let start = self.len?;
        let value_start = start + ATTRIBUTE_HEADER_LEN;
        let message_len = value_start + value_len + padding_len(value_len);
        let length = u16::try_from(message_len - HEADER_LEN).ok()?;
        let [t0, t1] = attribute_type.0.to_be_bytes();
        let [l0, l1] = u16::try_from(value_len).ok()?.to_be_bytes();
        self.buffer.get_mut(start..value_start)?.copy_from_slice(&[t0, t1, l0, l1]);
        *self.buffer.first_chunk_mut()? = self.header.to_bytes(length);
        Some(value_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{Lifetime, Username, XorPeerAddress};
    use crate::message::Message;
    use crate::method::{Class, Method};

    const ID: TransactionId = TransactionId([7; 12]);
    const REQUEST: MessageType = MessageType::new(Method::REFRESH, Class::Request);
    const DATA: MessageType = MessageType::new(Method::DATA, Class::Indication);

    #[test]
    fn each_byte_is_set_padding_included() {
        let mut buffer = [0xFF; 40];
        let len = MessageBuilder::new(&mut buffer, REQUEST, ID).add(&Username("abcde")).finish();
        assert_eq!(
            buffer[..len],
            *b"\0\x04\0\x0c\x21\x12\xa4\x42\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\
               \0\x06\0\x05abcde\0\0\0"
        );
    }

    #[test]
    fn a_message_that_does_not_fit_is_none() {
        for (room, expect) in [(0, 0), (19, 0), (20, 0), (27, 0), (28, 28), (29, 28)] {
            let mut buffer = vec![0; room];
            let mut builder = MessageBuilder::new(&mut buffer, REQUEST, ID);
            assert_eq!(builder.add(&Lifetime { seconds: 600 }).finish(), expect, "{room}");
        }
        let mut buffer = [0; 60];
        let mut builder = MessageBuilder::new(&mut buffer, REQUEST, ID);
        builder.add(&Username(&"x".repeat(50)));
        assert_eq!(builder.add(&Lifetime { seconds: 600 }).finish(), 0, "once too long, for good");
    }

    #[test]
    fn lengths_beyond_16_bits_do_not_fit() {
        let mut buffer = vec![0; 70_000];
        for (data_len, expect) in [(65_528, 20 + 65_532), (65_529, 0), (65_536, 0)] {
            let data = vec![0; data_len];
            let mut builder = MessageBuilder::new(&mut buffer, DATA, ID);
            assert_eq!(builder.add(&Data(&data)).finish(), expect, "{data_len}");
        }
        assert_eq!(MessageBuilder::new(&mut buffer, DATA, ID).finish_before_data(65_529), 0);
    }

    #[test]
    fn a_datagram_becomes_a_data_indication_where_it_is() {
        let peer = XorPeerAddress("192.0.2.150:32102".parse().unwrap());
        let mut datagram = [[0xFF; 36].as_slice(), b"hello", &[0; 3]].concat();
        let (front, _) = datagram.split_at_mut(36);
        assert_eq!(MessageBuilder::new(front, DATA, ID).add(&peer).finish_before_data(5), 36);
        let message = Message::parse(&datagram).unwrap();
        assert_eq!(message.get(), Ok(Some(peer)));
        assert_eq!(message.get(), Ok(Some(Data(b"hello"))));
    }
}
